"""Ledger commands in the event store: stored before the ledger is asked, settled after."""

from collections.abc import Callable
from typing import Any, TypeVar

from app.aggregates import (
    Actor,
    CommandKind,
    CommandStatus,
    Intent,
    LedgerCommand,
    Source,
    WriteOffRequest,
)
from app.aggregates.base import Aggregate
from app.event_store.application import Servicing
from app.event_store.unit_of_work import UnitOfWork

T = TypeVar("T")
A = TypeVar("A", bound=Aggregate)

Rule = Callable[[UnitOfWork, Intent, Actor], bool]
"""Whether an intent needs approval, by what else is stored; it may enter there that it does not."""

Record = Callable[[LedgerCommand, Source], None]
"""Records on a command what became of it."""


class CommandStore:
    """Loads and saves ledger commands. Any number of threads and processes may: the first to save wins.

    All methods raise one of EVENT_STORE_ERRORS if the store fails.
    """

    def __init__(self, servicing: Callable[[], Servicing]) -> None:
        """``servicing`` gives the event store. It must not cache: what others stored counts."""
        self._servicing = servicing

    def load(self, command_id: str) -> LedgerCommand | None:
        """The command as stored."""
        command = self.find(LedgerCommand, command_id)
        return None if command is None or command.intent is None else command

    def find(self, kind: type[A], business_id: str) -> A | None:
        """Any aggregate as stored."""
        return self._servicing().load(kind, business_id)

    def events(self, command_id: str) -> list[Any]:
        """All events of a command, in order."""
        return list(self._servicing().events.get(LedgerCommand.id_of(command_id)))

    def request(self, intent: Intent, actor: Actor, rule: Rule | None = None) -> tuple[LedgerCommand, bool]:
        """Store an intent. Returns the command with its key, and whether it is this one, just stored.

        ``rule`` runs in the same transaction, and may raise. If the store fails, whether the intent is stored
        is not known.
        """

        def store(unit: UnitOfWork) -> tuple[LedgerCommand, bool]:
            source = said(intent.command_id, "requested")
            command = unit.obtain(LedgerCommand, intent.command_id, source)
            if command.intent is not None:
                return command, False
            needs_approval = rule is not None and rule(unit, intent, actor)
            command.request(source, actor=actor, intent=intent, needs_approval=needs_approval)
            return command, True

        return self.change(store)

    def record(self, command_id: str, what: str, record: Record) -> LedgerCommand:
        """Record what became of a command: ``what`` is said of it once. What is settled stays so."""

        def store(unit: UnitOfWork) -> LedgerCommand:
            source = said(command_id, what)
            command = unit.obtain(LedgerCommand, command_id, source)
            record(command, source)
            _update_write_off(unit, command)
            return command

        return self.change(store)

    def change(self, store: Callable[[UnitOfWork], T]) -> T:
        """Change aggregates and save them together; again if somebody else saved one of them first."""
        answer, _ = self._servicing().change(store)
        return answer


def said(command_id: str, what: str) -> Source:
    """The source of something about a command that is said once."""
    return Source.said_now(f"command:{command_id}/{what}")


def _update_write_off(unit: UnitOfWork, command: LedgerCommand) -> None:
    """What became of a write-off is recorded on its request too: both are saved together."""
    asked = command.intent
    if asked is None or asked.kind != CommandKind.WRITE_OFF or command.status is None:
        return
    if (request_id := (asked.details or {}).get("request_id")) is None:
        return
    source = said(command.business_id, command.status)
    request = unit.obtain(WriteOffRequest, request_id, source)
    request.follow_posting(source, event=_posting_of(command, command.status))


def _posting_of(
    command: LedgerCommand, status: CommandStatus
) -> WriteOffRequest.PostedToLedger | WriteOffRequest.PostingFollowed:
    match command.outcome:
        case LedgerCommand.Posted(transaction_id=transaction, ledger_event_id=event):
            return WriteOffRequest.PostedToLedger(transaction_id=transaction, ledger_event_id=event)
        case LedgerCommand.SettledByHand(transaction_id=str(transaction)):
            return WriteOffRequest.PostedToLedger(transaction_id=transaction)
    code, message = command.fault or (None, None)
    return WriteOffRequest.PostingFollowed(
        command_id=command.business_id, status=status.value, code=code, message=message
    )
