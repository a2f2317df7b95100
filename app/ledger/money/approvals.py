"""Adjustments beyond a limit: asked for by one person, posted by the approval of another."""

from app.aggregates import Actor, LedgerCommand, same_person
from app.errors import NotFoundError
from app.event_store.unit_of_work import UnitOfWork
from app.ledger.money.command_store import moved, said
from app.ledger.money.movements import Answer, Money
from app.ledger.money.two_people import Limits, RefusedError, check_limit, check_second_person
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
            asked = command.intent
            assert asked is not None
            check_second_person(asked.requested_by, actor)
            if command.approved_by is not None and same_person(command.approved_by, actor.id):
                return command, False
            _awaits(command)
            check_limit(self._limits, actor.role, moved(asked.principal_delta, asked.fee_delta))
            command.approve(said(command_id, "approved"), actor=actor, comment=comment)
            return command, True

        command, is_new = await in_thread(self._money.store.change, store)
        if is_new:
            command = await self._money.send(command, is_first=True)
        return Answer(command, is_replay=not is_new)

    async def refuse(self, command_id: str, actor: Actor, comment: str) -> None:
        """Do not agree, or withdraw what one asked for. Raises as :meth:`approve`, but LedgerDownError."""

        def store(unit: UnitOfWork) -> None:
            command = _existing(unit, command_id)
            _awaits(command)
            command.refuse(said(command_id, "refused"), actor=actor, comment=comment)

        await in_thread(self._money.store.change, store)


def _existing(unit: UnitOfWork, command_id: str) -> LedgerCommand:
    command = unit.obtain(LedgerCommand, command_id, said(command_id, "looked for"))
    if command.intent is None:
        raise NotFoundError("ledger command", command_id)
    return command


def _awaits(command: LedgerCommand) -> None:
    if not command.awaits_approval:
        raise RefusedError("already_decided", "It awaits nobody's approval.")
