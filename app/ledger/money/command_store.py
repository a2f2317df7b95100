"""Ledger commands in the event store: stored before the ledger is asked, and settled after."""

from collections.abc import Callable
from typing import Any, TypeVar

from app.aggregates import (
    Actor,
    CommandKind,
    Intent,
    LedgerCommand,
    LoanAccount,
    Source,
    WriteOffRequest,
)
from app.aggregates.base import Aggregate
from app.event_store.application import Servicing
from app.event_store.unit_of_work import UnitOfWork

T = TypeVar("T")


Rule = Callable[[UnitOfWork, Intent, Actor], bool]
"""Whether an intent needs approval, by what else is stored."""


class CommandStore:
    """Loads and saves ledger commands. Any number of threads and processes may: the first to save wins."""

    def __init__(self, servicing: Callable[[], Servicing]) -> None:
        """``servicing`` gives the event store, or raises one of EVENT_STORE_ERRORS.

        It must not cache: what others stored counts.
        """
        self._servicing = servicing

    def load(self, command_id: str) -> LedgerCommand | None:
        """The command as stored. Raises one of EVENT_STORE_ERRORS."""
        command = self._servicing().load(LedgerCommand, command_id)
        return None if command is None or command.intent is None else command

    def loan_account(self, loan_account_id: str) -> LoanAccount | None:
        """The loan account as the stream told of it. Raises one of EVENT_STORE_ERRORS."""
        return self._servicing().load(LoanAccount, loan_account_id)

    def write_off_request(self, request_id: str) -> WriteOffRequest | None:
        """The write-off request as stored. Raises one of EVENT_STORE_ERRORS."""
        return self._servicing().load(WriteOffRequest, request_id)

    def events(self, command_id: str) -> list[Any]:
        """All events of a command, in order. Raises one of EVENT_STORE_ERRORS."""
        return self.events_of(LedgerCommand, command_id)

    def events_of(self, kind: type[Aggregate], business_id: str) -> list[Any]:
        """All events of an aggregate, in order. Raises one of EVENT_STORE_ERRORS."""
        return list(self._servicing().events.get(kind.id_of(business_id)))

    def request(self, intent: Intent, actor: Actor, rule: Rule | None = None) -> tuple[LedgerCommand, bool]:
        """Store an intent. Returns the command with its key, and whether it is this one, just stored.

        ``rule``: runs in the same transaction; raises what it raises.
        Raises one of EVENT_STORE_ERRORS: nothing is stored then, or all of it; nobody knows which.
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

    def record(self, command_id: str, what: str, **facts: Any) -> LedgerCommand:
        """Record what became of a command, by the name of its method. What is settled stays so."""

        def store(unit: UnitOfWork) -> LedgerCommand:
            source = said(command_id, what)
            command = unit.obtain(LedgerCommand, command_id, source)
            getattr(command, what)(source, **facts)
            self._tell_the_request(unit, command)
            return command

        return self.change(store)

    def _tell_the_request(self, unit: UnitOfWork, command: LedgerCommand) -> None:
        """What became of a write-off is so in its request too: both are saved together."""
        asked, outcome = command.intent, command.outcome
        if asked is None or asked.kind != CommandKind.WRITE_OFF or command.status is None:
            return
        if (request_id := (asked.details or {}).get("request_id")) is None:
            return
        source = said(command.business_id, command.status)
        request = unit.obtain(WriteOffRequest, request_id, source)
        if isinstance(outcome, LedgerCommand.Posted):
            request.posted_to_ledger(
                source, transaction_id=outcome.transaction_id, ledger_event_id=outcome.ledger_event_id
            )
        elif isinstance(outcome, LedgerCommand.SettledByHand) and outcome.transaction_id is not None:
            request.posted_to_ledger(source, transaction_id=outcome.transaction_id)
        else:
            request.follow_posting(
                source, command_id=command.business_id, status=command.status, fault=command.fault
            )

    def change(self, store: Callable[[UnitOfWork], T]) -> T:
        """Do something to aggregates and save them, anew where somebody else saved one of them first.

        Raises one of EVENT_STORE_ERRORS.
        """
        answer, _ = self._servicing().change(store)
        return answer


def said(command_id: str, what: str) -> Source:
    """The source of something about a command that is said once."""
    return Source.said_now(f"command:{command_id}/{what}")
