"""Money movements looked up, approved by a second person, and settled by hand where nobody else can."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import StringConstraints

from app.aggregates import CommandKind, CommandStatus, same_person
from app.api.auth.audit import log_read
from app.api.auth.callers import Caller, Role
from app.api.auth.requires import Authenticated, requires
from app.api.documents.chosen_fields import Fields, chosen
from app.api.documents.listing import Listed, page
from app.api.http.etags import TAGGED, represented
from app.api.http.pages import Identifier, Page
from app.api.http.problems import ProblemError, documented, not_found
from app.api.http.request_fields import Body
from app.api.ledger_commands.schemas import CommandEvent, LedgerCommand, command_event, folded
from app.api.money.routes import NOT_SETTLED, answered, shown
from app.ledger.money.approvals import Approvals
from app.ledger.money.movements import Money
from app.projections.read_models.ledger_commands import ApprovalStatus
from app.projections.read_models.types import Model
from app.runtime.servers.store_threads import in_thread

router = APIRouter(
    prefix="/v1/ledger-commands",
    tags=["money"],
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 422, 503),
)

CommandId = Annotated[str, Path(alias="commandId", min_length=1, max_length=64)]
Actor = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=256,
        description="Who had a part in it, by the `sub` of their token: asked for it, approved, refused or "
        "settled it, or asked for the write-off that it posts.",
    ),
]
Approval = Annotated[
    ApprovalStatus | None,
    Query(description="Of a movement that takes a second person; `pending` lists what awaits one."),
]
_ACTORS = ("requestedBy.id", "approval.by.id", "settledBy.id", "writeOffRequestedBy.id")
Comment = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=1_000)]
_SUPERVISOR = Depends(requires(Role.SUPERVISOR, person=True))
_ADMIN = Depends(requires(Role.ADMIN, person=True))


class DecisionBody(Body):
    """Why a second person agrees, or does not."""

    comment: Comment


class Settlement(Body):
    """What somebody found in the ledger's books: the transaction, or that there is none."""

    posted: bool
    transaction_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    because: Comment


class History(Model):
    """All events of a command, in order."""

    command_id: str
    events: list[CommandEvent]


@router.get("", operation_id="listLedgerCommands", response_model_exclude_none=True)
async def list_ledger_commands(
    request: Request,
    listing: Listed,
    fields: Fields = None,
    account: Identifier | None = None,
    actor: Actor = None,
    kind: CommandKind | None = None,
    status: CommandStatus | None = None,
    approval: Approval = None,
) -> Page[LedgerCommand]:
    """List money movements: who, what, when, why, and the ledger's transaction."""
    return await page(
        request,
        request.app.state.database["ledger-commands"],
        {"loanAccountId": account, "kind": kind, "status": status, "approval.status": approval},
        model=LedgerCommand,
        listing=listing,
        fields=chosen(LedgerCommand, fields),
        any_of=(_ACTORS, actor),
    )


@router.get(
    "/{commandId}",
    operation_id="getLedgerCommand",
    responses=documented(404) | TAGGED,
    response_model=LedgerCommand,
)
async def get_ledger_command(
    request: Request, response: Response, command_id: CommandId, fields: Fields = None
) -> Response:
    """Get one, as it is stored: no projection is waited for."""
    return represented(request, response, await shown(request, command_id), chosen(LedgerCommand, fields))


@router.get(
    "/{commandId}/history",
    operation_id="getLedgerCommandHistory",
    responses=documented(404),
    response_model_exclude_none=True,
)
async def get_ledger_command_history(request: Request, command_id: CommandId) -> History:
    """Get the events behind it: for whoever has to prove what happened."""
    money: Money = request.app.state.money
    events = await in_thread(money.store.events, command_id)
    if (found := folded(command_id, events)) is None:
        raise not_found("ledger command", command_id)
    log_read(request, found)
    return History(command_id=command_id, events=[command_event(each) for each in events])


@router.post(
    "/{commandId}/approve",
    operation_id="approveLedgerCommand",
    status_code=201,
    responses=documented(404, 409, 502) | {202: NOT_SETTLED},
    response_model_exclude_none=True,
)
async def approve_ledger_command(
    request: Request,
    response: Response,
    command_id: CommandId,
    body: DecisionBody,
    by: Annotated[Caller, _SUPERVISOR],
) -> LedgerCommand:
    """Agree to an adjustment over the limit; another supervisor than who asked. It is posted then."""
    approvals: Approvals = request.app.state.approvals
    return await answered(request, response, await approvals.approve(command_id, by.actor, body.comment))


@router.post(
    "/{commandId}/refuse",
    operation_id="refuseLedgerCommand",
    responses=documented(404, 409),
    response_model_exclude_none=True,
)
async def refuse_ledger_command(
    request: Request, command_id: CommandId, body: DecisionBody, by: Annotated[Caller, _SUPERVISOR]
) -> LedgerCommand:
    """Do not agree to an adjustment over the limit, or withdraw one's own: it is never posted."""
    approvals: Approvals = request.app.state.approvals
    await approvals.refuse(command_id, by.actor, body.comment)
    return await shown(request, command_id)


@router.post(
    "/{commandId}/settle",
    operation_id="settleLedgerCommand",
    responses=documented(404, 409),
    response_model_exclude_none=True,
)
async def settle_ledger_command(
    request: Request, command_id: CommandId, body: Settlement, by: Annotated[Caller, _ADMIN]
) -> LedgerCommand:
    """Say what the ledger's books show of an unknown command that it cannot be asked about any more; admins.

    While the ledger still knows its key, it settles by itself.
    """
    if body.posted != (body.transaction_id is not None):
        raise ProblemError(422, "invalid_request", "body.transactionId: only where it is posted.")
    money: Money = request.app.state.money
    command = await in_thread(money.store.load, command_id)
    if command is None:
        raise not_found("ledger command", command_id)
    if command.intent is not None and same_person(command.intent.requested_by, by.user):
        raise ProblemError(403, "own_request", "Somebody else has to settle what you asked for.")
    if command.is_settled or command.awaits_approval or request.app.state.settler.will_send(command):
        raise ProblemError(
            409, "settles_by_itself", "It is settled, waits for approval, or is still being sent again."
        )
    facts = {"posted": body.posted, "because": body.because, "transaction_id": body.transaction_id}
    await in_thread(money.store.record, command_id, "settle_by_hand", actor=by.actor, **facts)
    return await shown(request, command_id)
