"""Adjustments beyond a limit: requested by one person, posted when another approves."""

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


def enter_or_hold(limit: AdjustmentLimit, unit: UnitOfWork, intent: Intent, actor: Actor) -> bool:
    """Enter an adjustment within the limit in its account's register; True if it needs approval instead."""
    source = said(intent.command_id, "entered")
    register = unit.obtain(AdjustmentRegister, intent.loan_account_id, source)

    def is_rejected(command_id: str) -> bool:
        command = unit.obtain(LedgerCommand, command_id, said(command_id, "looked for"))
        return command.status is CommandStatus.REJECTED

    if register.needs_approval(actor, intent.moved, limit, source.at, is_rejected):
        return True
    register.enter(source, command_id=intent.command_id, by=actor.id, moved=intent.moved)
    return False


class Approvals:
    """Decisions on commands that await approval.

    All methods raise NotFoundError, RefusedError, and one of EVENT_STORE_ERRORS.
    """

    def __init__(self, money: Money, limits: Limits) -> None:
        """``limits`` are those of write-offs: an adjustment may have the same effect."""
        self._money = money
        self._limits = limits

    async def approve(self, command_id: str, actor: Actor, comment: str) -> Answer:
        """Approve it, and have the ledger post it; if this person approved it before, the outcome.

        Raises LedgerDownError before anything is stored.
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
        return await self._money.answer(command, is_new=is_new)

    async def refuse(self, command_id: str, actor: Actor, comment: str) -> LedgerCommand:
        """Refuse it; the requester withdraws it so. It is never posted."""

        def store(unit: UnitOfWork) -> LedgerCommand:
            command = _existing(unit, command_id)
            command.refuse(said(command_id, "refused"), actor=actor, comment=comment)
            return command

        return await in_thread(self._money.store.change, store)


def _existing(unit: UnitOfWork, command_id: str) -> LedgerCommand:
    command = unit.obtain(LedgerCommand, command_id, said(command_id, "looked for"))
    if command.intent is None:
        raise NotFoundError("ledger command", command_id)
    return command
