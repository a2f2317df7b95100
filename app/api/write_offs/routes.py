"""Write-off requests over REST. No other route writes off."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated
from uuid import uuid5

from fastapi import Query, Request, Response
from pydantic import StringConstraints
from pydantic.alias_generators import to_camel

from app.aggregates import WriteOffRequest, same_person
from app.aggregates.base import NAMESPACE
from app.aggregates.write_offs.facts import BrokenRule, WriteOffPriority, WriteOffReason
from app.api.auth.audit import logged
from app.api.auth.callers import Caller
from app.api.auth.requirements import Operations, OperationsPerson, SupervisorPerson
from app.api.documents.listing import Listed, page
from app.api.documents.service import Fields, folded, one_document, represented, select_fields
from app.api.http.etags import IfMatch, check_if_match
from app.api.http.pages import Identifier, Page, WriteOffRequestId
from app.api.http.problems import ProblemError, documented
from app.api.http.request_fields import KEYED, Amount, Body, Key, Text
from app.api.http.router import Router
from app.api.ledger_commands.service import NOT_SETTLED, DecisionBody, LedgerCommand, answered, check_amount
from app.api.services import services_of
from app.event_store.errors import EVENT_STORE_ERRORS
from app.projections.engine.faults import ProjectionFault
from app.projections.read_models.base import Model
from app.projections.read_models.write_off_requests.document import WriteOffRequestDocument, WriteOffStatus
from app.runtime.servers.store_threads import in_thread


class WriteOffBody(Body):
    """What to write off, and why."""

    loan_account_id: Text
    amount: Amount
    reason: WriteOffReason
    notes: Annotated[str, StringConstraints(max_length=2_000)] | None = None
    priority: WriteOffPriority | None = None
    customer_id: Text | None = None
    customer_name: Text | None = None
    account_number: Text | None = None
    original_balance: Amount | None = None


class Approved(Model):
    """The request, and the money movement that posts it."""

    request: WriteOffRequestDocument
    command: LedgerCommand


_NAME = "write-off-requests"
_NOW = datetime.max.replace(tzinfo=UTC)
"""All events, also those of a process whose clock is ahead."""


def request_id_of(idempotency_key: str) -> str:
    """The id of the request with a key: always the same, so that a retry meets the first one."""
    return str(uuid5(NAMESPACE, f"WriteOffRequest/{idempotency_key}"))


async def stored_request(request: Request, request_id: str) -> WriteOffRequestDocument | None:
    """The request as stored now, without waiting for a projection. Raises as :func:`folded`."""
    found = await in_thread(folded, services_of(request).servers, _NAME, request_id, _NOW)
    return None if found is None else WriteOffRequestDocument.model_validate(found)


router = Router("/v1/write-off-requests", "write-offs")

_DECISION = documented(404, 409)


@router.get("")
async def list_write_off_requests(
    request: Request,
    listing: Listed,
    customerId: Identifier | None = None,  # noqa: N803 - the wire's name
    loanAccountId: Identifier | None = None,  # noqa: N803
    status: WriteOffStatus | None = None,
    irregular: Annotated[
        BrokenRule | None, Query(description="Those that the ledger posted against this rule.")
    ] = None,
) -> Page[WriteOffRequestDocument]:
    """List write-off requests."""
    filters = {
        "customerId": customerId,
        "loanAccountId": loanAccountId,
        "status": status,
        "irregular": irregular,
    }
    return await page(request, _NAME, WriteOffRequestDocument, listing, filters)


@router.document("/{requestId}", WriteOffRequestDocument)
async def get_write_off_request(
    request: Request, request_id: WriteOffRequestId, fields: Fields = None
) -> Response:
    """Get one write-off request, as stored, without waiting for a projection."""
    selection, headers = select_fields(WriteOffRequestDocument, fields), dict[str, str]()
    try:
        found = await stored_request(request, request_id)
    except (*EVENT_STORE_ERRORS, ProjectionFault):
        found = None  # While the store is away, or newer than this release, the projected one is shown.
    if found is None:
        database = services_of(request).database
        found = WriteOffRequestDocument.model_validate(
            await one_document(database, _NAME, "write-off request", request_id, headers)
        )
    return represented(request, found, selection, headers)


@router.post("", status_code=201, responses=_DECISION | KEYED)
async def request_write_off(call: OperationsPerson, body: WriteOffBody, key: Key) -> WriteOffRequestDocument:
    """Request a write-off; people of operations and up. An account can have one pending request."""
    services, request_id = call.services, request_id_of(key)
    asked = body.model_dump(exclude_none=True)
    for name in {"amount", "original_balance"} & asked.keys():
        asked[name] = Decimal(asked[name])
        if asked[name] or name == "amount":
            check_amount(services.settings, asked[name], f"body.{to_camel(name)}")
    made, is_replay = await services.write_offs.request(request_id, call.by.actor, **asked)
    call.answer(is_replay=is_replay)
    address = call.request.url_for("get_write_off_request", requestId=request_id)
    call.response.headers["Location"] = str(address)
    return await _stored(call.request, made)


@router.post(
    "/{requestId}/approve",
    status_code=201,
    # The ledger is asked for the balance, and then to write it off.
    responses=_DECISION | documented(412, 429, 502, 504) | {202: NOT_SETTLED | {"model": Approved}},
)
async def approve_write_off(
    call: SupervisorPerson, request_id: WriteOffRequestId, body: DecisionBody, if_match: IfMatch = None
) -> Approved:
    """Approve another person's request, within one's limit; people of supervisor and up. This posts it."""

    async def current() -> WriteOffRequestDocument | None:
        found = await stored_request(call.request, request_id)
        return None if found is None or _is_approved_by(found, call.by) else found

    await check_if_match(if_match, current)
    approval = await call.services.write_offs.approve(request_id, call.by.actor, body.comment)
    command = answered(call, approval)
    try:
        return Approved(request=await _stored(call.request, approval.request), command=command)
    except EVENT_STORE_ERRORS as error:
        raise _approved_but_unreadable(call.response, command) from error


@router.post("/{requestId}/reject", responses=_DECISION | documented(412))
async def reject_write_off(
    call: SupervisorPerson, request_id: WriteOffRequestId, body: DecisionBody, if_match: IfMatch = None
) -> WriteOffRequestDocument:
    """Reject a request; people of supervisor and up."""
    await check_if_match(if_match, partial(stored_request, call.request, request_id))
    rejected = await call.services.write_offs.reject(request_id, call.by.actor, body.comment)
    return await _stored(call.request, rejected)


@router.post("/{requestId}/cancel", responses=_DECISION | documented(412))
async def cancel_write_off(
    call: Operations, request_id: WriteOffRequestId, if_match: IfMatch = None
) -> WriteOffRequestDocument:
    """Cancel one's own request, while it is pending."""
    await check_if_match(if_match, partial(stored_request, call.request, request_id))
    return await _stored(call.request, await call.services.write_offs.cancel(request_id, call.by.actor))


async def _stored(request: Request, changed: WriteOffRequest) -> WriteOffRequestDocument:
    found = await stored_request(request, changed.business_id)
    assert found is not None, "it was just changed"
    return logged(request, found)


def _is_approved_by(request: WriteOffRequestDocument, by: Caller) -> bool:
    """Whether they have approved it: to approve it again is to ask for the outcome."""
    decision = request.decision
    return request.status == "approved" and decision is not None and same_person(decision.by.id, by.user)


def _approved_but_unreadable(response: Response, command: LedgerCommand) -> ProblemError:
    """The ledger was asked, and then the store went away: no caller may take that for a failure."""
    outcome = "posted" if command.status == "posted" else "its outcome is not known yet"
    return ProblemError(
        503,
        "event_store_unavailable",
        f"It is approved, and {outcome}; the event store is away now. Approve it again, or follow "
        "`Location`, for the outcome: nothing is posted twice.",
        retryable=True,
        retry_after_s=2,
        headers={"Location": response.headers["Location"]},
    )
