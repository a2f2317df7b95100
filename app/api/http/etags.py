"""ETags and conditional requests (RFC 9110).

An ETag is a hash of the answer's bytes: different ``fields`` have different tags.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from hashlib import blake2b
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import BaseModel

from app.api.http.problems import ProblemError

_HASH_BYTES = 16
_TAG = re.compile(r'(?:W/)?"([!\x23-\x7e]*)"')
_TAGS = re.compile(rf"\s*{_TAG.pattern}(?:\s*,\s*{_TAG.pattern})*\s*")
_PATTERN = r'^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$'
ENCODED = "-gzip"
"""The suffix of a compressed document's tag."""

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=2_000,
        json_schema_extra={"pattern": _PATTERN},
        description="The `ETag` of the whole document that you have seen: 412 if it has changed.",
    ),
]

_ETAG_HEADER = {"headers": {"ETag": {"$ref": "#/components/headers/ETag"}}}
TAGGED: dict[int | str, dict[str, Any]] = {
    200: _ETAG_HEADER,
    304: {"description": "Not modified: `If-None-Match` names the current version", **_ETAG_HEADER},
}
"""For the OpenAPI of a route that answers with :func:`tagged`."""


def tagged(request: Request, document: BaseModel, headers: dict[str, str]) -> Response:
    """A document as an answer with an ETag; 304 if the caller has it already."""
    body = _body(document)
    tag = _tag_of(body)
    # Only its reader may cache it, and has to revalidate each time.
    headers = {**headers, "ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
    known = request.headers.getlist("If-None-Match")
    if known and (_is_any(known) or tag in (seen := _tags(known))):
        if not _is_any(known):
            headers["ETag"] = f'"{seen[tag]}"'
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


async def check_if_match(if_match: str | None, current: Callable[[], Awaitable[BaseModel | None]]) -> None:
    """Raises ProblemError: 412 if the caller has not seen the current version, 400 without an ETag."""
    if if_match is None or _is_any([if_match]):
        return
    if _TAGS.fullmatch(if_match) is None:
        raise ProblemError(400, "invalid_if_match", "If-Match takes an ETag, with its quotes, or *.")
    document = await current()
    if document is not None and _tag_of(_body(document)) not in _tags([if_match]):
        detail = "The document has changed since you read it. Read it again before you decide."
        raise ProblemError(412, "changed_meanwhile", detail)


def _body(document: BaseModel) -> bytes:
    return document.model_dump_json(by_alias=True, exclude_none=True).encode()


def _tag_of(body: bytes) -> str:
    return blake2b(body, digest_size=_HASH_BYTES).hexdigest()


def _is_any(values: list[str]) -> bool:
    return any(each.strip() == "*" for each in values)


def _tags(values: Iterable[str]) -> dict[str, str]:
    """The tags of a header, by their form without the suffix of compressed documents."""
    return {tag.removesuffix(ENCODED): tag for each in values for tag in _TAG.findall(each)}
