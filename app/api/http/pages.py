"""Lists a page at a time: an opaque cursor says where the previous page ended."""

import base64
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Path, Query, Request
from pydantic import BaseModel

from app.errors import BillieError

_MAX_CURSOR_LENGTH = 2_000
MAX_ID_LENGTH = 256

Limit = Annotated[int, Query(ge=1, le=200, description="Items per page.")]
Cursor = Annotated[
    str | None, Query(max_length=_MAX_CURSOR_LENGTH, description="From `next` of the previous page; opaque.")
]
Identifier = Annotated[str, Query(min_length=1, max_length=MAX_ID_LENGTH)]
CustomerId = Annotated[str, Path(alias="customerId", min_length=1, max_length=MAX_ID_LENGTH)]
LoanAccountId = Annotated[str, Path(alias="loanAccountId", min_length=1, max_length=MAX_ID_LENGTH)]
ConversationId = Annotated[str, Path(alias="conversationId", min_length=1, max_length=MAX_ID_LENGTH)]
NoteId = Annotated[str, Path(alias="noteId", min_length=1, max_length=MAX_ID_LENGTH)]
WriteOffRequestId = Annotated[str, Path(alias="requestId", min_length=1, max_length=MAX_ID_LENGTH)]

Item = TypeVar("Item", bound=BaseModel)


class Page(BaseModel, Generic[Item]):
    """A page of a list. ``next`` is the address of the next page; absent on the last one."""

    items: list[Item]
    next: str | None = None


class InvalidCursorError(BillieError):
    """A cursor that this list did not issue."""

    status = 400
    code = "invalid_cursor"

    def __init__(self, fault: str = "The cursor is invalid") -> None:
        super().__init__(f"{fault}. Follow `next` of the previous page, unchanged.")


def next_page(request: Request, *parts: int | str) -> str:
    """The address of the next page; its cursor holds these parts."""
    cursor = base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")
    return str(request.url.include_query_params(cursor=cursor))


def decode_cursor(cursor: str, *types: type) -> list[Any]:
    """What :func:`next_page` put into a cursor. Raises InvalidCursorError if it has parts of other types."""
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise InvalidCursorError from error
    if not isinstance(parts, list) or [type(each) for each in parts] != [*types]:
        raise InvalidCursorError
    return parts
