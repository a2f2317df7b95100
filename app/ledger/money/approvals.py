"""Adjustments beyond a limit: asked for by one person, posted by the approval of another."""

from app.aggregates import (
    Actor,
    AdjustmentLimit,
    AdjustmentRegister,
    CommandStatus,
    Intent,
    LedgerCommand,
    Limits,
)
from app.errors import NotFoundError
from app.event_store.unit_of_work import UnitOfWork
from app.ledger.money.command_store import said
from app.ledger.money.movements import Answer, Money
from app.runtime.servers.store_threads import in_thread


class Approvals:
    """What staff do with commands that await approval."""

    def __init__(self, money: Money, limits: Limits) -> None:
        """An approval is within what the approver may write off: it comes to the same."""
        self._money = money
        self._limits = limits

    async def approve(self, command_id: str, actor: Actor, comment: str) -> Answer:
        """Agree, and have the ledger post it; of what this person approved before, tell the outcome.

        Raises NotFoundError, RefusedError, LedgerDownError (nothing was stored), and one of
        EVENT_STORE_ERRORS.
        """
        known = await in_thread(self._money.store.load, command_id)
        if known is not None and known.awaits_approval:
            await self._money.client.raise_if_down()

        def store(unit: UnitOfWork) -> tuple[LedgerCommand, bool]:
            command = _existing(unit, command_id)
            if command.is_approved_by(actor.id):
                return command, False
            source = said(command_id, "approved")
            command.approve(source, actor=actor, limits=self._limits, comment=comment)
            return command, True

        command, is_new = await in_thread(self._money.store.change, store)
        if is_new:
            command = await self._money.send(command, is_first=True)
        return Answer(command, is_replay=not is_new)

    async def refuse(self, command_id: str, actor: Actor, comment: str) -> None:
        """Do not agree, or withdraw what one asked for. Raises as :meth:`approve`, but LedgerDownError."""

        def store(unit: UnitOfWork) -> None:
            command = _existing(unit, command_id)
            command.refuse(said(command_id, "refused"), actor=actor, comment=comment)

        await in_thread(self._money.store.change, store)


def _existing(unit: UnitOfWork, command_id: str) -> LedgerCommand:
    command = unit.obtain(LedgerCommand, command_id, said(command_id, "looked for"))
    if command.intent is None:
        raise NotFoundError("ledger command", command_id)
    return command


class AdjustmentRule:
    """Whether an adjustment needs approval: enters it in the account's register where it does not."""

    def __init__(self, limit: AdjustmentLimit) -> None:
        self._limit = limit

    def __call__(self, unit: UnitOfWork, intent: Intent, actor: Actor) -> bool:
        source = said(intent.command_id, "entered")
        register = unit.obtain(AdjustmentRegister, intent.loan_account_id, source)

        def is_rejected(command_id: str) -> bool:
            command = unit.obtain(LedgerCommand, command_id, said(command_id, "looked for"))
            return command.status is CommandStatus.REJECTED

        if register.needs_approval(actor, intent.moved, self._limit, source.at, is_rejected):
            return True
        register.enter(source, command_id=intent.command_id, by=actor.id, moved=intent.moved)
        return False
