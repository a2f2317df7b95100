"""Money movements looked up, approved by a second person, and settled by hand when nobody else can."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from app.aggregates import CommandKind, CommandStatus
from app.api.auth.audit import log_read
from app.api.auth.requirements import AdminPerson, SupervisorPerson
from app.api.documents.listing import Listed, page
from app.api.documents.service import Fields, represented, select_fields
from app.api.http.pages import Identifier, Page
from app.api.http.problems import InvalidRequestError, documented
from app.api.http.router import Router
from app.api.ledger_commands.service import (
    NOT_SETTLED,
    CommandHistory,
    DecisionBody,
    LedgerCommand,
    SettlementBody,
    answered,
    command_event,
    shown,
    stored_command,
)
from app.api.services import services_of
from app.projections.read_models.ledger_commands import ApprovalStatus
from app.runtime.servers.store_threads import in_thread

router = Router("/v1/ledger-commands", "money")

CommandId = Annotated[str, Path(alias="commandId", min_length=1, max_length=64)]
Actor = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=256,
        description="The `sub` of a person involved: who requested, approved, refused or settled it, or "
        "requested the write-off that it posts.",
    ),
]
Approval = Annotated[
    ApprovalStatus | None,
    Query(description="Of a movement that takes a second person; `pending` awaits one."),
]
_ACTORS = ("requestedBy.id", "approval.by.id", "settledBy.id", "writeOffRequestedBy.id")


@router.get("")
async def list_ledger_commands(
    request: Request,
    listing: Listed,
    account: Identifier | None = None,
    actor: Actor = None,
    kind: CommandKind | None = None,
    status: CommandStatus | None = None,
    approval: Approval = None,
) -> Page[LedgerCommand]:
    """List money movements: who, what, when, why, and the ledger's transaction."""
    return await page(
        request,
        "ledger-commands",
        LedgerCommand,
        listing,
        {"loanAccountId": account, "kind": kind, "status": status, "approval.status": approval},
        any_of=(_ACTORS, actor),
    )


@router.document("/{commandId}", LedgerCommand)
async def get_ledger_command(request: Request, command_id: CommandId, fields: Fields = None) -> Response:
    """Get one money movement, as stored, without waiting for a projection."""
    command = await stored_command(request, command_id)
    return represented(request, command, select_fields(LedgerCommand, fields))


@router.get("/{commandId}/history", responses=documented(404))
async def get_ledger_command_history(request: Request, command_id: CommandId) -> CommandHistory:
    """Get the events behind a money movement, as proof of what happened."""
    log_read(request, await stored_command(request, command_id))
    events = await in_thread(services_of(request).money.store.events, command_id)
    return CommandHistory(command_id=command_id, events=[command_event(each) for each in events])


@router.post(
    "/{commandId}/approve", status_code=201, responses=documented(404, 409, 502) | {202: NOT_SETTLED}
)
async def approve_ledger_command(
    call: SupervisorPerson, command_id: CommandId, body: DecisionBody
) -> LedgerCommand:
    """Approve an adjustment over the limit, as a supervisor other than the requester. This posts it."""
    approvals = call.services.approvals
    return answered(call, await approvals.approve(command_id, call.by.actor, body.comment))


@router.post("/{commandId}/refuse", responses=documented(404, 409))
async def refuse_ledger_command(
    call: SupervisorPerson, command_id: CommandId, body: DecisionBody
) -> LedgerCommand:
    """Refuse an adjustment over the limit, or withdraw one's own: it is never posted."""
    return shown(await call.services.approvals.refuse(command_id, call.by.actor, body.comment))


@router.post("/{commandId}/settle", responses=documented(404, 409))
async def settle_ledger_command(
    call: AdminPerson, command_id: CommandId, body: SettlementBody
) -> LedgerCommand:
    """Settle an unknown movement by the ledger's books, if the ledger can no longer be asked; admins.

    While the ledger still knows its key, it settles by itself.
    """
    if body.posted != (body.transaction_id is not None):
        raise InvalidRequestError("body.transactionId: required if it is posted, and only then.")
    return shown(await call.services.settler.settle_by_hand(command_id, call.by.actor, **body.model_dump()))
