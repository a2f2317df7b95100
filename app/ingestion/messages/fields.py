"""The base of payload models, and the kinds of values in them, with the dirt that the contract accepts."""

import copy
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from app.aggregates.base import Key
from app.event_store.unit_of_work import UnitOfWork
from app.ingestion.messages.envelope import (
    LONGEST_ID,
    Envelope,
    Reading,
    identifier,
    parse_date,
    parse_time,
)
from app.ingestion.messages.rejection import not_as_modelled

_CENT = Decimal("0.01")
_NOTHING = Decimal("0.00")  # Never -0.00.
_FLOAT_NOISE = Decimal("0.00000001")
# Decimal() also accepts underscores, other scripts' digits and NaN, which no publisher means.
_AMOUNT = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
_CLASS_NAME = re.compile(r"[A-Z]\w*", re.ASCII)
_LARGEST = Decimal(10) ** 12


class Payload(BaseModel):
    """A message's payload: its fields, and what it asks of which aggregate.

    Keys are snake_case or camelCase; unknown ones are ignored, and None means absent. A caller in Python may
    give dates, aware times and Decimals.
    """

    addressed: ClassVar[bool] = False
    """Whether the envelope's conversation names its subject: a chat, or a write-off request."""
    free_form: ClassVar[bool] = False
    """Whether it has keys of any name: one that is named like a time need not hold one."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        coerce_numbers_to_str=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
        alias_generator=AliasGenerator(
            validation_alias=lambda name: AliasChoices(name, to_camel(name)),
        ),
    )

    @classmethod
    def read(cls, payload: dict[str, Any], reading: Reading) -> Self:
        """The payload of a message, without optional keys and items of lists that cannot be read.

        ``reading`` notes their paths. Raises RejectedError for a required key that is missing or unreadable,
        and for money that does not parse.
        """
        is_copied = False
        while True:
            try:
                return cls.model_validate(payload, context=reading)
            except ValidationError as error:
                payload, is_copied = payload if is_copied else copy.deepcopy(payload), True
                lists: list[list[Any]] = []
                for place, fault in enumerate(error.errors(include_url=False, include_input=False)):
                    # What lacks a required key cannot be read as a whole.
                    path = fault["loc"][:-1] if fault["type"] == "missing" else fault["loc"]
                    if fault["type"] == MONEY or not _remove(payload, path, _required(cls), lists):
                        raise not_as_modelled(error, place) from error
                    reading.unreadable.add(".".join(each for each in path if isinstance(each, str)))
                for each in lists:
                    each[:] = [item for item in each if item is not None]

    def concerns(self, _envelope: Envelope) -> tuple[Key, ...]:
        """The aggregates that :meth:`apply` changes, so that a batch can load them in one query."""
        return ()

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        """Carry out what the message asks. A part of a payload asks nothing."""
        raise NotImplementedError

    def present(self, *leave_out: str) -> dict[str, Any]:
        """The fields that are present, by name; dates as ``YYYY-MM-DD``, as events hold them."""
        return {
            name: value.isoformat() if type(value) is date else value
            for name, value in self.__dict__.items()
            if value is not None and name not in leave_out
        }


class AddressedPayload(Payload):
    """A payload whose subject is named by the envelope's conversation."""

    addressed = True


@cache
def _required(model: type[Payload]) -> frozenset[str]:
    """The keys of the required fields, in either style."""
    aliases = [each.validation_alias for each in model.model_fields.values() if each.is_required()]
    return frozenset(
        str(key) for alias in aliases if isinstance(alias, AliasChoices) for key in alias.choices
    )


def _remove(
    payload: dict[str, Any], path: tuple[str | int, ...], required: frozenset[str], lists: list[list[Any]]
) -> bool:
    """Remove what is at a path, or the innermost part on the way to it; False for a required key.

    An item of a list becomes None, so that the others keep their places, and the list is added to ``lists``.
    """
    holder: Any = None
    place: Any = None
    inside: Any = payload
    for each in path:
        if not isinstance(inside, list) and not (isinstance(inside, dict) and each in inside):
            break
        holder, place, inside = inside, each, inside[each]  # type: ignore[index]
    if holder is None or (holder is payload and place in required):
        return False
    if isinstance(holder, list):
        holder[place] = None
        lists.append(holder)
    else:
        del holder[place]
    return True


def _money(value: Any) -> Decimal:
    """The amount in ``value``. A float counts by the digits that it prints; its noise is rounded off."""
    is_number = isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)
    text = str(value).strip()
    if not is_number or _AMOUNT.fullmatch(text) is None:
        raise PydanticCustomError(MONEY, "not a decimal amount")
    amount = Decimal(text)
    if abs(amount) >= _LARGEST:
        raise PydanticCustomError(MONEY, "not an amount below a trillion")
    cents = amount.quantize(_CENT)
    if abs(amount - cents) > _FLOAT_NOISE:
        raise PydanticCustomError(MONEY, "an amount has two decimal places at most")
    return cents or _NOTHING


def _date(value: Any) -> date:
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    return parse_date(value)


def _time(value: Any, info: ValidationInfo) -> datetime:
    """A datetime must carry its zone: the caller's own is not the publisher's."""
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError("a time without an offset")
        value = value.isoformat()
    if isinstance(info.context, Reading):
        return info.context.time(str(info.field_name), value)
    return parse_time(value)


def whole(value: Any) -> Any:
    """A whole number, or a string of one: ``true`` is none."""
    if isinstance(value, bool):
        raise ValueError("not a number")
    return value


def _text(value: Any) -> Any:
    """A whole number is its digits: ``61400000001.0`` is a phone number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def last_word(value: Any) -> str:
    """``AccountStatus.ACTIVE`` means ``ACTIVE``."""
    if not isinstance(value, str):
        raise ValueError("not a word")
    return value.strip().rpartition(".")[2].strip()


def word_or_text(value: Any) -> str:
    """A word without its class name; text with a full stop in it stays as it is."""
    if isinstance(value, dict | list | bool):
        raise ValueError("not a word")
    text = str(_text(value)).strip()
    prefix, dot, word = text.rpartition(".")
    return word.strip() if dot and word and _CLASS_NAME.fullmatch(prefix) else text


def flag(value: Any) -> Any:
    """Yes and no in any spelling that pydantic knows, with spaces around it."""
    return value.strip() if isinstance(value, str) else value


def listed(value: Any) -> Any:
    """A single value in place of a list is a list of one."""
    return value if value is None or isinstance(value, list | tuple) else [value]


def one_of(words: Mapping[str, str]) -> Callable[[Any], str]:
    """A validator for a word of an enum, in any case. Raises ValueError for an unknown one."""

    def known(value: Any) -> str:
        try:
            return words[last_word(value).upper()]
        except KeyError:
            raise ValueError(f"not one of {', '.join(words)}") from None

    return known


def same(literal: Any) -> dict[str, str]:
    """The words of a Literal by their upper case."""
    return {word.upper(): word for word in get_args(literal)}


MONEY = "money"
"""The type of pydantic's error about an amount, which always costs the message."""
Identifier = Annotated[
    str,
    BeforeValidator(identifier),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": LONGEST_ID}),
]
Text = Annotated[str, BeforeValidator(_text)]
Number = Annotated[int, Field(ge=-(2**31), lt=2**31), BeforeValidator(whole)]
Money = Annotated[
    Decimal,
    BeforeValidator(_money),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^-?\d{1,12}(\.\d{1,2})?$",
            "description": "An amount in AUD: a decimal string with two places.",
        }
    ),
]
Date = Annotated[date, BeforeValidator(_date)]
Flag = Annotated[bool, BeforeValidator(flag)]
Word = Annotated[str, BeforeValidator(word_or_text)]
Time = Annotated[
    datetime, BeforeValidator(_time), Field(description="ISO 8601 with an offset; UTC where it has none.")
]
