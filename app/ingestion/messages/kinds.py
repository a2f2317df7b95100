"""The kinds of values that payloads hold, with the dirt that the contract says must be accepted."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel

from app.ingestion.envelope import parse_time

_CENT = Decimal("0.01")
_FLOAT_NOISE = Decimal("0.000001")
_LARGEST = Decimal(10) ** 12


class Payload(BaseModel):
    """Keys in snake_case or camelCase; unknown ones are ignored; null and empty mean absent."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        coerce_numbers_to_str=True,
        alias_generator=AliasGenerator(
            validation_alias=lambda name: AliasChoices(name, to_camel(name)),
        ),
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_absent(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None and value != ""}
        return data

    def present(self, *leave_out: str) -> dict[str, Any]:
        """The fields that are present, by name."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if value is not None and name not in leave_out
        }


def _money(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        msg = "not a decimal amount"
        raise ValueError(msg)
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation as error:
        msg = "not a decimal amount"
        raise ValueError(msg) from error
    if not amount.is_finite() or abs(amount) >= _LARGEST:
        msg = "not a finite amount below a trillion"
        raise ValueError(msg)
    cents = amount.quantize(_CENT)
    if abs(amount - cents) > _FLOAT_NOISE:
        msg = "an amount has two decimal places at most"
        raise ValueError(msg)
    return cents


def _date(value: Any) -> str:
    """Some publishers send a time where a date is meant: its date as written."""
    return (parse_time(value) and datetime.fromisoformat(value.strip())).date().isoformat()


def last_word(value: Any) -> str:
    """``AccountStatus.ACTIVE`` means ``ACTIVE``."""
    if not isinstance(value, str):
        msg = "not a word"
        raise ValueError(msg)
    return value.strip().rpartition(".")[2]


def one_of(words: Mapping[str, str]) -> Callable[[Any], str]:
    """A validator for a required word: case does not matter. Raises ValueError for an unknown one."""

    def known(value: Any) -> str:
        try:
            return words[last_word(value).upper()]
        except KeyError:
            msg = f"not one of {', '.join(words)}"
            raise ValueError(msg) from None

    return known


def one_of_or_absent(words: Mapping[str, str]) -> Callable[[Any, ValidationInfo], str | None]:
    """A validator for an optional word: an unknown one is dropped, and counted by field."""

    def known(value: Any, info: ValidationInfo) -> str | None:
        word = words.get(str(value).strip().rpartition(".")[2].upper())
        if word is None and isinstance(info.context, list):
            info.context.append(info.field_name)
        return word

    return known


def same(*words: str) -> dict[str, str]:
    """Words that mean themselves, by their capitals."""
    return {word.upper(): word for word in words}


Identifier = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Money = Annotated[Decimal, BeforeValidator(_money)]
Date = Annotated[str, BeforeValidator(_date)]
Time = Annotated[datetime, BeforeValidator(parse_time)]
