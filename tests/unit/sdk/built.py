"""Strategies: any payload that a publisher may build, and the message of it."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.fields import Payload
from app.sdk import Message

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=12)
TEXT = TEXT.map(str.strip).filter(bool)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# One day from either end of the calendar, another zone's year may be 0 or 10,000.
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES)  # noqa: DTZ001
AMOUNTS = st.decimals(-(10**12) + 1, 10**12 - 1, places=2)
JSON: st.SearchStrategy[Any] = st.recursive(
    TEXT
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(0, 100_000),
    Decimal: AMOUNTS,
    date: st.dates(),
    datetime: TIMES,
    Any: JSON,
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """What a publisher may give for a field, by its type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        return values(arguments[0]).filter(lambda value: accepts(adapter, value))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, UnionType):
        return st.one_of([values(each) for each in arguments if each is not type(None)])
    if origin is list:
        return st.lists(values(arguments[0]), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, Payload):
        return payloads(annotation)
    return PLAIN[annotation]


def accepts(adapter: TypeAdapter[Any], value: Any) -> bool:
    """Whether it is a value of this kind: a blank is no identifier."""
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


def payloads(model: type[Payload]) -> st.SearchStrategy[Payload]:
    """Payloads of a model, built by its constructor."""
    ways = {name: values(_whole(field)) for name, field in model.model_fields.items()}
    required = {name: way for name, way in ways.items() if model.model_fields[name].is_required()}
    optional = {name: way for name, way in ways.items() if name not in required}
    keys = st.fixed_dictionaries(required, optional=optional)
    if model.model_config.get("extra") == "allow":
        more = st.dictionaries(TEXT.filter(lambda key: key not in ("customer", "self")), JSON, max_size=3)
        keys = st.tuples(more, keys).map(lambda pair: pair[0] | pair[1])
    # A word of spaces only is empty, and what is empty is left out.
    return keys.map(lambda given: model(**given)).filter(lambda payload: "" not in payload.present().values())


def _whole(field: Any) -> Any:
    """A field's annotation with what pydantic keeps beside it."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


@st.composite
def messages(draw: st.DrawFn) -> tuple[Message, Payload]:
    kind = draw(st.sampled_from(sorted(CATALOGUE)))
    payload = draw(payloads(CATALOGUE[kind]))
    identity = draw(st.none() | TEXT.filter(lambda text: bool(text.strip())) | st.just("x" * 300))
    at = draw(st.none() | TIMES)
    return Message(kind, payload, conversation="V1", user="C1", event_id=identity, at=at), payload
