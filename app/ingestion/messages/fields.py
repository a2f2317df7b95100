"""The base of payload models, and the kinds of values in them, with the dirt that the contract accepts."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, get_args

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from app.aggregates.base import Key
from app.event_store.unit_of_work import UnitOfWork
from app.ingestion.messages.envelope import LONGEST_NAME, Envelope, parse_time

_CENT = Decimal("0.01")
_NOTHING = Decimal("0.00")  # Never -0.00.
_FLOAT_NOISE = Decimal("0.00000001")
# What Decimal() accepts and no publisher means stays out: underscores, other scripts' digits, NaN.
_AMOUNT = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
_CLASS_NAME = re.compile(r"[A-Z]\w*", re.ASCII)
_LARGEST = Decimal(10) ** 12


class Payload(BaseModel):
    """A message's payload: its fields, and what it asks of which aggregate.

    Keys are snake_case or camelCase; unknown ones are ignored, and None means absent. What arrives from
    the stream was cleaned of nulls and empty strings. A caller in Python may give dates, aware times and
    Decimals. An unknown word is an error, unless the validation's context is a list: then the word is
    dropped, and its field noted there.
    """

    addressed: ClassVar[bool] = False
    """Whether the envelope's conversation names its subject: a chat, or a write-off request."""
    free_form: ClassVar[bool] = False
    """Whether it has keys of any name: one that is named like a time need not hold one."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        alias_generator=AliasGenerator(
            validation_alias=lambda name: AliasChoices(name, to_camel(name)),
        ),
    )

    def concerns(self, _envelope: Envelope) -> tuple[Key, ...]:
        """The aggregates that :meth:`apply` changes, so that a batch can load them in one query."""
        return ()

    def apply(self, unit: UnitOfWork, envelope: Envelope) -> None:
        """Carry out what the message asks. Parts of a payload have no such meaning."""
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


def _money(value: Any) -> Decimal:
    """A float counts by the digits that it prints; its noise is rounded off."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        msg = "not a decimal amount"
        raise ValueError(msg)
    text = str(value).strip()
    if _AMOUNT.fullmatch(text) is None:
        msg = "not a decimal amount"
        raise ValueError(msg)
    amount = Decimal(text)
    if abs(amount) >= _LARGEST:
        msg = "not an amount below a trillion"
        raise ValueError(msg)
    cents = amount.quantize(_CENT)
    if abs(amount - cents) > _FLOAT_NOISE:
        msg = "an amount has two decimal places at most"
        raise ValueError(msg)
    return cents or _NOTHING


def _date(value: Any) -> date:
    """``YYYY-MM-DD``, or the date part of a time, as written: some publishers send one."""
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    try:
        parse_time(value)
    except ValueError:
        msg = "not a date, YYYY-MM-DD"
        raise ValueError(msg) from None
    return datetime.fromisoformat(value.strip()).date()


def _time(value: Any) -> datetime:
    """As the envelope's times. A datetime must carry its zone: the caller's own is not the publisher's."""
    if not isinstance(value, datetime):
        return parse_time(value)
    if value.utcoffset() is None:
        msg = "a time without an offset"
        raise ValueError(msg)
    return parse_time(value.isoformat())


def last_word(value: Any) -> str:
    """``AccountStatus.ACTIVE`` means ``ACTIVE``."""
    if not isinstance(value, str):
        msg = "not a word"
        raise ValueError(msg)
    return value.strip().rpartition(".")[2]


def word_or_text(value: Any) -> str:
    """A word without its class name; text that only holds a full stop stays as it is."""
    if isinstance(value, dict | list):
        msg = "not a word"
        raise ValueError(msg)
    text = str(value).strip()
    prefix, dot, word = text.rpartition(".")
    return word.strip() if dot and word and _CLASS_NAME.fullmatch(prefix) else text


def flag(value: Any) -> Any:
    """Yes and no in any spelling that pydantic knows, with spaces around it."""
    return value.strip() if isinstance(value, str) else value


def listed(value: Any) -> Any:
    """A single value where a list is expected is a list of one."""
    return value if value is None or isinstance(value, list | tuple) else [value]


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
    """A validator for an optional word: an unknown one is dropped, and noted in the context's list.

    Raises ValueError without such a list, as soon as a message is built in Python.
    """

    def known(value: Any, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        word = words.get(str(value).strip().rpartition(".")[2].upper())
        if word is None:
            _drop(f"not one of {', '.join(words)}", info)
        return word

    return known


def _drop(why: str, info: ValidationInfo) -> None:
    """Note that the field is dropped. Raises ValueError without a list to note it in."""
    if not isinstance(info.context, list):
        raise ValueError(why)
    info.context.append(info.field_name)


def identifier_or_absent(value: Any, info: ValidationInfo) -> Any:
    """A validator for a secondary identifier: an invalid one is dropped, as by :func:`one_of_or_absent`."""
    is_one = isinstance(value, str | int) and not isinstance(value, bool)
    if value is None or (is_one and 0 < len(str(value).strip()) <= LONGEST_NAME):
        return value
    _drop("not an identifier", info)
    return None


def same(literal: Any) -> dict[str, str]:
    """The words of a Literal by their upper case."""
    return {word.upper(): word for word in get_args(literal)}


Identifier = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME)]
Number = Annotated[int, Field(ge=-(2**31), lt=2**31)]
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
