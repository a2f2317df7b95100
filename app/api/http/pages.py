"""Lists, a page at a time: an opaque cursor tells where the page before ended."""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin

import orjson
from fastapi import Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator

from app.api.http.problems import ProblemError

_LONGEST_CURSOR = 2_000
_LONGEST_NAME, _MOST_NAMES = 64, 8
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]", re.ASCII)

Limit = Annotated[int, Query(ge=1, le=200, description="Items a page.")]
Cursor = Annotated[
    str | None, Query(max_length=_LONGEST_CURSOR, description="From `next` of the page before; opaque.")
]
Identifier = Annotated[str, Query(min_length=1, max_length=256)]


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        msg = "it is beyond the years 1 to 9999"
        raise ValueError(msg) from error


def _told_as_time(text: Any) -> Any:
    """Text of ISO 8601: a number, which pydantic takes for seconds since 1970, is somebody's slip."""
    if isinstance(text, str) and not _TIME.match(text):
        msg = "say it in full, with its offset: 2026-03-06T09:00:00Z"
        raise ValueError(msg)
    return text


Moment = Annotated[AwareDatetime, BeforeValidator(_told_as_time), AfterValidator(_in_utc)]
"""A time with its offset: in UTC, it is one that MongoDB can be asked for."""


Item = TypeVar("Item", bound=BaseModel)


class Page(BaseModel, Generic[Item]):
    """A page of a list. ``next`` is the address of the page after it; absent on the last one."""

    items: list[Item]
    next: str | None = None


async def refuse_unknown_parameters(request: Request) -> None:
    """A misspelt filter must not answer with everything, nor may one of a filter's two values be dropped.

    Async, as a plain function is given a thread.
    """
    if not request.scope["query_string"]:
        return
    known = dict(_parameters(request.scope["route"].dependant))
    given = Counter(name for name, _ in request.query_params.multi_items())
    if unknown := sorted(given.keys() - known.keys()):
        accepted = ", ".join(sorted(known)) or "none"
        raise ProblemError(
            400, "unknown_parameter", f"Unknown: {_in_short(unknown)}. This route takes: {accepted}."
        )
    if again := sorted(name for name, times in given.items() if times > 1 and not _is_list(known[name])):
        raise ProblemError(400, "repeated_parameter", f"Given more than once: {_in_short(again)}.")


def _is_list(annotation: Any) -> bool:
    return any(get_origin(each) is list for each in (annotation, *get_args(annotation)))


def _in_short(names: list[str]) -> str:
    """Names as a caller gave them: of any number, and any length."""
    told = ", ".join(name[:_LONGEST_NAME] for name in names[:_MOST_NAMES])
    return f"{told}, …" if len(names) > _MOST_NAMES else told


def _parameters(dependant: Any) -> Iterator[tuple[str, Any]]:
    """The query parameters of a route, and of what it depends on, with their types."""
    yield from ((field.alias, field.field_info.annotation) for field in dependant.query_params)
    for dependency in dependant.dependencies:
        yield from _parameters(dependency)


def opaque(*parts: int | str) -> str:
    """A cursor that holds these parts."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def parts_of(cursor: str) -> list[Any]:
    """What :func:`opaque` put into a cursor. Raises ProblemError for what cannot be one of ours."""
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise invalid_cursor() from error
    if not isinstance(parts, list):
        raise invalid_cursor()
    return parts


def invalid_cursor() -> ProblemError:
    """400 for a cursor that we did not give."""
    return ProblemError(400, "invalid_cursor", "Take the cursor from `next` of the page before, unchanged.")
