"""Money movements looked up, approved by a second person, and settled by hand where nobody else can."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AwareDatetime, StringConstraints

from app.aggregates import CommandKind, UnitOfWork, same_person
from app.aggregates import LedgerCommand as StoredCommand
from app.api.auth import Authenticated, Caller, Role, requires
from app.api.documents import Document
from app.api.ledger_commands_shown import LedgerCommand
from app.api.money import Body, actor_of, answered, shown
from app.api.pages import Cursor, Identifier, Limit, Page, page, refuse_unknown_parameters
from app.api.problems import ProblemError, documented
from app.ledger.command_store import said
from app.ledger.money import Answer, Money, in_thread

router = APIRouter(
    prefix="/v1/ledger-commands",
    tags=["money"],
    dependencies=[Authenticated, Depends(refuse_unknown_parameters)],
    responses=documented(400, 401, 403, 422, 503),
)

CommandId = Annotated[str, Path(alias="commandId", min_length=1, max_length=64)]
Since = Annotated[AwareDatetime | None, Query(alias="from", description="Asked for then, or later.")]
Before = Annotated[AwareDatetime | None, Query(alias="to", description="Asked for before then.")]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=1_000)]
_SUPERVISOR, _ADMIN = Depends(requires(Role.SUPERVISOR)), Depends(requires(Role.ADMIN))


class Decision(Body):
    """Why a second person agrees, or does not."""

    comment: Comment


class Settlement(Body):
    """What somebody found in the ledger's books: the transaction, or that there is none."""

    posted: bool
    transaction_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    because: Comment


class CommandEvent(Document):
    """One event behind a command: what was recorded, when, and its facts."""

    event: str
    recorded_at: datetime
    facts: dict[str, Any]


class History(Document):
    """All events of a command, in order."""

    command_id: str
    events: list[CommandEvent]


@router.get("", operation_id="listLedgerCommands", response_model_exclude_none=True)
async def list_ledger_commands(
    request: Request,
    account: Identifier | None = None,
    actor: Identifier | None = None,
    kind: CommandKind | None = None,
    status: Literal["requested", "posted", "rejected", "unknown"] | None = None,
    since: Since = None,
    before: Before = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[LedgerCommand]:
    """List money movements, newest first: who, what, when, why, and the ledger's transaction."""
    filters = {"loanAccountId": account, "requestedBy.id": actor, "kind": kind, "status": status}
    return await page(
        request,
        request.app.state.database["ledger-commands"],
        filters,
        model=LedgerCommand,
        limit=limit,
        cursor=cursor,
        between=(since, before),
    )


@router.get(
    "/{commandId}",
    operation_id="getLedgerCommand",
    responses=documented(404),
    response_model_exclude_none=True,
)
async def get_ledger_command(request: Request, command_id: CommandId) -> LedgerCommand:
    """Get one, as it is stored: no projection is waited for."""
    return await shown(request, command_id)


@router.get("/{commandId}/history", operation_id="getLedgerCommandHistory", responses=documented(404))
async def get_ledger_command_history(request: Request, command_id: CommandId) -> History:
    """Get the events behind it: for whoever has to prove what happened."""
    money: Money = request.app.state.money
    events = await in_thread(money.store.events, command_id)
    if not events:
        raise ProblemError(404, "not_found", f"There is no ledger command {command_id!r}.")
    return History(command_id=command_id, events=[_event(each) for each in events])


@router.post(
    "/{commandId}/approve",
    operation_id="approveLedgerCommand",
    status_code=201,
    responses=documented(404, 409),
    response_model_exclude_none=True,
)
async def approve_ledger_command(
    request: Request,
    response: Response,
    command_id: CommandId,
    body: Decision,
    by: Annotated[Caller, _SUPERVISOR],
) -> LedgerCommand:
    """Agree to an adjustment over the limit; another supervisor than who asked. It is posted then."""
    money: Money = request.app.state.money
    known = await in_thread(money.store.load, command_id)
    if known is not None and known.awaits_approval:
        await money.client.raise_if_down()

    def approve(unit: UnitOfWork) -> tuple[StoredCommand, bool]:
        command = _awaiting(unit, command_id, by)
        if command.approved_by == by.user:
            return command, False
        _within_limit(request, command, by)
        command.approve(said(command_id, "approved"), actor=actor_of(by), comment=body.comment)
        return command, True

    command, is_new = await in_thread(money.store.change, approve)
    if is_new:
        command = await money.send(command, is_first=True)
    return await answered(request, response, Answer(command, is_replay=not is_new))


@router.post(
    "/{commandId}/refuse",
    operation_id="refuseLedgerCommand",
    responses=documented(404, 409),
    response_model_exclude_none=True,
)
async def refuse_ledger_command(
    request: Request, command_id: CommandId, body: Decision, by: Annotated[Caller, _SUPERVISOR]
) -> LedgerCommand:
    """Do not agree to an adjustment over the limit, or withdraw one's own: it is never posted."""
    money: Money = request.app.state.money

    def refuse(unit: UnitOfWork) -> None:
        command = _awaiting(unit, command_id, by, own_too=True)
        if command.approved_by is not None:
            raise _decided()
        command.refuse(said(command_id, "refused"), actor=actor_of(by), comment=body.comment)

    await in_thread(money.store.change, refuse)
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
        raise ProblemError(404, "not_found", f"There is no ledger command {command_id!r}.")
    if command.intent is not None and same_person(command.intent.requested_by, by.user):
        raise ProblemError(403, "own_request", "Somebody else has to settle what you asked for.")
    if command.is_settled or command.awaits_approval or request.app.state.settler.will_send(command):
        raise ProblemError(
            409, "settles_by_itself", "It is settled, waits for approval, or is still being sent again."
        )
    facts = {"posted": body.posted, "because": body.because, "transaction_id": body.transaction_id}
    await in_thread(money.store.record, command_id, "settle_by_hand", actor=actor_of(by), **facts)
    return await shown(request, command_id)


def _awaiting(unit: UnitOfWork, command_id: str, by: Caller, *, own_too: bool = False) -> StoredCommand:
    command = unit.obtain(StoredCommand, command_id, said(command_id, "looked for"))
    if command.intent is None:
        raise ProblemError(404, "not_found", f"There is no ledger command {command_id!r}.")
    if not own_too and same_person(command.intent.requested_by, by.user):
        raise ProblemError(403, "own_request", "Somebody else has to decide on what you asked for.")
    if not command.awaits_approval and command.approved_by != by.user:
        raise _decided()
    return command


def _within_limit(request: Request, command: StoredCommand, by: Caller) -> None:
    """An approval is within what the approver may write off: it comes to the same."""
    asked = command.intent
    assert asked is not None
    moved = abs(asked.principal_delta or Decimal(0)) + abs(asked.fee_delta or Decimal(0))
    limit = request.app.state.write_offs.limits[by.role.value]
    if limit is not None and moved > limit:
        detail = f"The role {by.role} approves up to {limit:.2f}; this is {moved:.2f}."
        raise ProblemError(403, "over_your_limit", detail)


def _decided() -> ProblemError:
    return ProblemError(409, "already_decided", "It awaits nobody's approval.")


def _event(event: Any) -> CommandEvent:
    hidden = ("originator_id", "originator_version", "timestamp", "business_id")
    facts = {name: value for name, value in vars(event).items() if name not in hidden and value is not None}
    return CommandEvent(event=type(event).__name__, recorded_at=event.timestamp, facts=facts)
