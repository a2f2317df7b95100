"""Publishes entries on the inbox stream, and says what became of them: for admins, and for tests."""

from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Depends, Query, Request, Response

from app.api.auth.requirements import Admin
from app.api.auth.roles import Role
from app.api.http.problems import InvalidRequestError, ProblemError
from app.api.http.router import Router
from app.api.inbox.service import MAX_ENTRIES, checked_entries, publish_and_wait
from app.api.services import services_of
from app.operations.read_your_writes import Fate, Outcome
from app.runtime.camel_model import CamelModel
from app.runtime.observability.tracing import W3C
from app.runtime.settings.settings import Settings


class InboxOutcome(CamelModel):
    """What became of one entry. A dead letter has an id, a reason and a path, while it is listed."""

    entry_id: str
    outcome: Fate
    dead_letter_id: str | None = None
    reason: str | None = None
    path: str | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> "InboxOutcome":
        """An outcome as it is shown."""
        letter = vars(outcome.letter) if outcome.letter else {}
        return cls.model_validate(letter | {"entry_id": outcome.entry_id, "outcome": outcome.fate})


class InboxAnswer(CamelModel):
    """What became of each entry, in the order in which they were sent."""

    entries: list[InboxOutcome]


_MAX_WAITING = 16
"""Each holds its body, of up to 25 MiB."""

router = Router("/v1", "operations", least=Role.ADMIN, statuses=(413,))

_ENTRY = {"type": "object", "minProperties": 1, "examples": [{"typ": "user_input", "cid": "V1"}]}
_ENTRIES = {
    "description": "One entry, or up to 100. A value that is not a string is published as its JSON text.",
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "oneOf": [
                    _ENTRY,
                    {"type": "array", "items": _ENTRY, "minItems": 1, "maxItems": MAX_ENTRIES},
                ]
            }
        }
    },
}


async def _body(request: Request, _admin: Admin) -> Any:
    """The body, which may be large: read only for callers who may publish it."""
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("body: it is not JSON.") from error


Wait = Annotated[float, Query(ge=0, le=30, description="Seconds to wait until all of them are processed.")]


def max_body_size(settings: Settings) -> int:
    """In bytes: as many entries as a request may have, each as large as it may be."""
    return MAX_ENTRIES * settings.max_message_bytes + 64 * 1024


@router.post(
    "/inbox",
    status_code=201,
    openapi_extra={"requestBody": _ENTRIES},
    responses={202: {"model": InboxAnswer, "description": "Published; some are still `pending`"}},
)
async def publish(
    request: Request, response: Response, body: Annotated[Any, Depends(_body)], wait: Wait = 5
) -> InboxAnswer:
    """Publish one entry, or many in one step, and wait until their effects can be read.

    201 when each is `visible`, a `dead_letter` or of an `unknown_type`; 202 while some are `pending`.
    """
    services = services_of(request)
    carried: dict[str, str] = {}
    W3C.inject(carried)
    entries = [{**carried, **each} for each in checked_entries(body, services.settings)]
    if services.inbox_waits.statistics().tasks_waiting >= _MAX_WAITING:
        detail = "Too many requests wait here. Nothing was published: try again in a moment."
        raise ProblemError(503, "too_many_waiting", detail, retryable=True, retry_after_s=5)
    work = partial(publish_and_wait, services.servers, entries, wait)
    outcomes = await to_thread.run_sync(work, limiter=services.inbox_waits)
    if any(each.fate is Fate.PENDING for each in outcomes):
        response.status_code = 202
    return InboxAnswer(entries=[InboxOutcome.of(each) for each in outcomes])
