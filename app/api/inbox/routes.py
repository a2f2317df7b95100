"""Publishes entries on the inbox stream, and says what became of them: for admins, and for tests."""

import logging
from functools import partial
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app.api.auth.callers import Caller, Role
from app.api.auth.requires import requires
from app.api.http.problems import ProblemError, documented
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.envelope import entry_type
from app.ingestion.stream.publish import as_entry, published
from app.operations.servers import Servers
from app.operations.visibility import Fate, Outcome, Published, Visibility, is_consumed
from app.runtime.camel_model import CamelModel
from app.runtime.observability.logging import in_short
from app.runtime.observability.tracing import W3C
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

WAITS_AT_ONCE = 8
"""Each holds a thread, up to half a minute: more of them wait for their turn."""
_MOST_WAITING = 16
"""Each holds its body, of up to 25 MiB: more of them are sent away."""
_MOST_ENTRIES = 100
_NOT_IN_ANOTHERS_NAME = "writeoff."
"""Types that name the person who asks or decides: one alone could be both of the two that it takes."""

_ADMIN = Depends(requires(Role.ADMIN))

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    dependencies=[_ADMIN],
    responses=documented(400, 401, 403, 413, 422, 503),
)

_ENTRY = {"type": "object", "minProperties": 1, "examples": [{"typ": "user_input", "cid": "V1"}]}
_ENTRIES = {
    "description": "An entry, or up to 100. A value that is no string is published as its JSON text.",
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "oneOf": [
                    _ENTRY,
                    {"type": "array", "items": _ENTRY, "minItems": 1, "maxItems": _MOST_ENTRIES},
                ]
            }
        }
    },
}


async def _body(request: Request, _admin: Annotated[Caller, _ADMIN]) -> Any:
    """The body, which may be large: read only for those who may publish it."""
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise ProblemError(422, "invalid_request", "body: it is not JSON.") from error


Wait = Annotated[float, Query(ge=0, le=30, description="Seconds to wait until all of them are through.")]


class InboxOutcome(CamelModel):
    """What became of one entry. A dead letter has an id, a reason and a path, until it leaves the list."""

    entry_id: str
    outcome: Fate
    letter_id: str | None = None
    reason: str | None = None
    path: str | None = None


class InboxAnswer(CamelModel):
    """What became of each entry, in the order in which they were sent."""

    entries: list[InboxOutcome]


def largest_body(settings: Settings) -> int:
    """In bytes: of a request that holds as many entries as it may, each as large as it may be."""
    return _MOST_ENTRIES * settings.max_message_bytes + 64 * 1024


@router.post(
    "/inbox",
    operation_id="publish",
    status_code=201,
    response_model_exclude_none=True,
    openapi_extra={"requestBody": _ENTRIES},
    responses={202: {"model": InboxAnswer, "description": "Published; some are not through yet: `pending`"}},
)
async def publish(
    request: Request, response: Response, body: Annotated[Any, Depends(_body)], wait: Wait = 5
) -> InboxAnswer:
    """Publish one entry, or many in one step, and wait until what they say can be read.

    201 when each is `visible`, a `dead_letter` or of an `unknown_type`; 202 while some are `pending`.
    """
    servers: Servers = request.app.state.servers
    carried: dict[str, str] = {}
    W3C.inject(carried)
    entries = [{**carried, **each} for each in _entries(body, servers.settings)]
    work = partial(_publish_and_wait, servers, entries, wait)
    waits: CapacityLimiter = request.app.state.inbox_waits
    if waits.statistics().tasks_waiting >= _MOST_WAITING:
        detail = "As many wait here as can. Nothing was published: try again shortly."
        raise ProblemError(503, "too_many_waiting", detail, retryable=True, headers={"Retry-After": "5"})
    outcomes = await to_thread.run_sync(work, limiter=waits)
    if any(each.fate is Fate.PENDING for each in outcomes):
        response.status_code = 202
    return InboxAnswer(entries=[_shown(each) for each in outcomes])


def _entries(body: Any, settings: Settings) -> list[dict[str, str]]:
    values = body if isinstance(body, list) else [body]
    if not 1 <= len(values) <= _MOST_ENTRIES:
        raise ProblemError(422, "invalid_request", f"body: one entry, or a list of 1 to {_MOST_ENTRIES}.")
    return [_entry(number, value, settings.max_message_bytes) for number, value in enumerate(values)]


def _entry(number: int, value: Any, most: int) -> dict[str, str]:
    try:
        entry = as_entry(value)
    except ValueError as error:
        raise ProblemError(422, "invalid_request", f"body.{number}: {error}.") from error
    kind = entry_type({name.encode(): text.encode() for name, text in entry.items()})
    if kind is not None and kind.startswith(_NOT_IN_ANOTHERS_NAME):
        detail = f"body.{number}: write-offs are asked for and decided at /v1/write-off-requests."
        raise ProblemError(422, "has_its_own_route", detail)
    if sum(len(name.encode()) + len(text.encode()) for name, text in entry.items()) > most:
        raise ProblemError(422, "invalid_request", f"body.{number}: larger than {most} bytes.")
    return entry


def _publish_and_wait(servers: Servers, entries: list[dict[str, str]], seconds: float) -> list[Outcome]:
    visibility = Visibility(servers)
    settings = servers.settings
    sent = [
        Published(entry_id, is_consumed(entry, settings))
        for entry, entry_id in published(servers.redis, settings.inbox_stream, entries)
    ]
    try:
        return visibility.wait(sent, seconds)
    except (RedisError, PyMongoError, *EVENT_STORE_ERRORS) as error:
        # They are published: an error would have the caller send them once more.
        log.warning("Cannot tell what became of %d published entries: %s", len(sent), in_short(error))
        return [Outcome(each.entry_id, Fate.PENDING) for each in sent]


def _shown(outcome: Outcome) -> InboxOutcome:
    letter = outcome.letter
    return InboxOutcome(
        entry_id=outcome.entry_id,
        outcome=outcome.fate,
        letter_id=letter and letter.letter_id,
        reason=letter and letter.reason,
        path=letter and letter.path,
    )
