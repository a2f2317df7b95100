"""Write-off requests over REST: made by one person, decided by another. No other route writes off."""

from decimal import Decimal
from functools import partial
from typing import Annotated
from uuid import uuid5

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import StringConstraints
from pydantic.alias_generators import to_camel

from app.aggregates import WriteOffRequest, same_person
from app.aggregates.base import NAMESPACE
from app.aggregates.write_off_request import WriteOffPriority, WriteOffReason
from app.api.auth.audit import logged
from app.api.auth.callers import Caller, Role
from app.api.auth.requires import requires
from app.api.http.etags import IfMatch, check_if_match
from app.api.http.idempotency_keys import KEYED, Key, KeyedRoute, key_of
from app.api.http.problems import ProblemError, documented
from app.api.http.request_fields import Amount, Body, Text
from app.api.ledger_commands.routes import DecisionBody
from app.api.ledger_commands.schemas import LedgerCommand
from app.api.money.routes import NOT_SETTLED, answered, at_most
from app.api.write_offs.schemas import stored_request
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ledger.money.movements import Answer
from app.ledger.money.write_offs import WriteOffs
from app.projections.read_models.types import Model
from app.projections.read_models.write_off_requests import WriteOffRequestDocument

router = APIRouter(
    prefix="/v1/write-off-requests",
    tags=["write-offs"],
    route_class=KeyedRoute,
    responses=documented(400, 401, 403, 404, 409, 422, 503),
)

RequestId = Annotated[str, Path(alias="requestId", min_length=1, max_length=256)]
_OPERATIONS = Depends(requires(Role.OPERATIONS))
# Of the two people whom a write-off takes, a machine is none.
_ASKS = Depends(requires(Role.OPERATIONS, person=True))
_DECIDES = Depends(requires(Role.SUPERVISOR, person=True))


class WriteOffBody(Body):
    """What is to be written off, and why."""

    loan_account_id: Text
    amount: Amount
    reason: WriteOffReason
    notes: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    priority: WriteOffPriority | None = None
    customer_id: Text | None = None
    customer_name: Text | None = None
    account_number: Text | None = None
    original_balance: Amount | None = None


def request_id_of(idempotency_key: str) -> str:
    """The id of the request with a key: always the same, so that a repeat meets the first one."""
    return str(uuid5(NAMESPACE, f"WriteOffRequest/{idempotency_key}"))


class Approved(Model):
    """The request, and the money movement that posts it."""

    request: WriteOffRequestDocument
    command: LedgerCommand


@router.post(
    "", operation_id="requestWriteOff", status_code=201, responses=KEYED, response_model_exclude_none=True
)
async def request_write_off(
    request: Request,
    response: Response,
    body: WriteOffBody,
    by: Annotated[Caller, _ASKS],
    key: Key,
) -> WriteOffRequestDocument:
    """Ask for a write-off; people of operations and up. One request an account may be pending."""
    request_id = request_id_of(key_of(key))
    asked = body.model_dump(exclude_none=True)
    if not Decimal(body.amount):
        raise ProblemError(422, "invalid_request", "body.amount: it has to be above zero.")
    for name in {"amount", "original_balance"} & asked.keys():
        asked[name] = Decimal(asked[name])
        at_most(request.app.state.settings, asked[name], f"body.{to_camel(name)}")
    made, is_replay = await _write_offs(request).request(request_id, by.actor, **asked)
    if is_replay:
        response.headers["Idempotent-Replay"] = "true"
    response.headers["Location"] = str(request.url_for("get_write_off_request", requestId=request_id))
    return await _shown(request, made)


@router.post(
    "/{requestId}/approve",
    operation_id="approveWriteOff",
    status_code=201,
    # The ledger is asked what is owed, and then to write it off.
    responses=documented(412, 429, 502, 504) | {202: NOT_SETTLED | {"model": Approved}},
    response_model_exclude_none=True,
)
async def approve_write_off(
    request: Request,
    response: Response,
    request_id: RequestId,
    body: DecisionBody,
    by: Annotated[Caller, _DECIDES],
    if_match: IfMatch = None,
) -> Approved:
    """Approve what another person asked for, within one's limit; supervisors and up, people. It is posted."""

    async def current() -> WriteOffRequestDocument | None:
        found = await stored_request(request, request_id)
        return None if found is None or _approved_by(found, by) else found

    await check_if_match(if_match, current)
    approval = await _write_offs(request).approve(request_id, by.actor, body.comment)
    command = await answered(request, response, Answer(approval.command, is_replay=approval.is_replay))
    try:
        return Approved(request=await _shown(request, approval.request), command=command)
    except EVENT_STORE_ERRORS as error:
        raise _cannot_be_shown(response, command) from error


@router.post(
    "/{requestId}/reject",
    operation_id="rejectWriteOff",
    responses=documented(412),
    response_model_exclude_none=True,
)
async def reject_write_off(
    request: Request,
    request_id: RequestId,
    body: DecisionBody,
    by: Annotated[Caller, _DECIDES],
    if_match: IfMatch = None,
) -> WriteOffRequestDocument:
    """Reject a request; people of supervisor and up."""
    await check_if_match(if_match, partial(stored_request, request, request_id))
    rejected = await _write_offs(request).reject(request_id, by.actor, body.comment)
    return await _shown(request, rejected)


@router.post(
    "/{requestId}/cancel",
    operation_id="cancelWriteOff",
    responses=documented(412),
    response_model_exclude_none=True,
)
async def cancel_write_off(
    request: Request,
    request_id: RequestId,
    by: Annotated[Caller, _OPERATIONS],
    if_match: IfMatch = None,
) -> WriteOffRequestDocument:
    """Take back one's own request, while it is pending."""
    await check_if_match(if_match, partial(stored_request, request, request_id))
    cancelled = await _write_offs(request).cancel(request_id, by.actor)
    return await _shown(request, cancelled)


async def _shown(request: Request, stored: WriteOffRequest) -> WriteOffRequestDocument:
    found = await stored_request(request, stored.business_id)
    assert found is not None, "it was just changed"
    return logged(request, found)


def _cannot_be_shown(response: Response, command: LedgerCommand) -> ProblemError:
    """The ledger was asked, and the store went away since: no caller may take that for a failure."""
    outcome = "posted" if command.status == "posted" else "not known yet to be posted"
    return ProblemError(
        503,
        "event_store_unavailable",
        f"It is approved, and {outcome}; the event store does not answer now. Approve it again, or follow "
        "`Location`: either tells the outcome, and posts nothing twice.",
        retryable=True,
        headers={"Location": response.headers["Location"], "Retry-After": "2"},
    )


def _approved_by(request: WriteOffRequestDocument, by: Caller) -> bool:
    """Whether they have approved it already: to ask again is to ask what became of it."""
    decision = request.decision
    return request.status == "approved" and decision is not None and same_person(decision.by.id, by.user)


def _write_offs(request: Request) -> WriteOffs:
    write_offs: WriteOffs = request.app.state.write_offs
    return write_offs
