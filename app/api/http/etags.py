"""One document as a response, with the ETag that its caller may keep it by (RFC 9110, conditional requests).

An ETag is a hash of what is sent: so it tells another one for other ``fields``, or for a role that is shown
less, and no reader is told that nothing has changed when what they would see has.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from hashlib import blake2b
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import BaseModel

from app.api.auth.audit import log_read
from app.api.documents.chosen_fields import Chosen
from app.api.http.problems import ProblemError

_HASH_BYTES = 16
_TAG = re.compile(r'(?:W/)?"([!\x23-\x7e]*)"')
_TAGS = re.compile(rf"\s*{_TAG.pattern}(?:\s*,\s*{_TAG.pattern})*\s*")
_PATTERN = r'^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$'
ENCODED = "-gzip"
"""What a tag ends with when its document was sent with that encoding: other bytes, another tag."""

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=2_000,
        json_schema_extra={"pattern": _PATTERN},
        description="The `ETag` of the document that you have seen, whole: 412 where it is another by now.",
    ),
]


TAGGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"$ref": "#/components/headers/ETag"}}},
    304: {
        "description": "The caller has it already: `If-None-Match` names it",
        "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
    },
}
"""For the OpenAPI of a route that answers with :func:`represented`."""


def represented(
    request: Request, response: Response, document: BaseModel, fields: Chosen | None = None
) -> Response:
    """The answer that shows a document, and the line in the audit log that says so.

    304 where the caller has it. ``response`` has the further headers.
    """
    log_read(request, document)
    body = _body(document if fields is None else fields.trimmed(document))
    tag = _tag_of(body)
    # It may be kept, by its reader alone, and has to be asked for again each time.
    headers = {**response.headers, "ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
    told = request.headers.getlist("If-None-Match")
    if told and (_is_any(told) or tag in (seen := _tags(told))):
        if not _is_any(told):
            headers["ETag"] = f'"{seen[tag]}"'
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


async def check_if_match(if_match: str | None, current: Callable[[], Awaitable[BaseModel | None]]) -> None:
    """412 where a caller has seen another form of a document than the current one; of none, nothing is said.

    400 for what holds no ETag.
    """
    if if_match is None or _is_any([if_match]):
        return
    if _TAGS.fullmatch(if_match) is None:
        detail = "If-Match takes an ETag just as it came, with its quotes, or *."
        raise ProblemError(400, "invalid_if_match", detail)
    document = await current()
    if document is not None and _tag_of(_body(document)) not in _tags([if_match]):
        detail = "It has changed since you saw it: get it again, and decide by what it says now."
        raise ProblemError(412, "changed_meanwhile", detail)


def _body(document: BaseModel) -> bytes:
    return document.model_dump_json(by_alias=True, exclude_none=True).encode()


def _tag_of(body: bytes) -> str:
    return blake2b(body, digest_size=_HASH_BYTES).hexdigest()


def _is_any(told: list[str]) -> bool:
    return any(each.strip() == "*" for each in told)


def _tags(told: Iterable[str]) -> dict[str, str]:
    """The tags that a header names, by what they are without the encoding of their documents."""
    return {tag.removesuffix(ENCODED): tag for each in told for tag in _TAG.findall(each)}
