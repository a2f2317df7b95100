"""Settles unknown commands: sends each again, with the same key, until the ledger says what became of it.

Every API process has a settler. It finds what any of them left: a call without an answer, a crash between
intent and outcome, a machine that is gone. Two that send one command at once do no harm: the key is the same.
"""

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic

from app.aggregates import Actor, CommandStatus, LedgerCommand, Source
from app.errors import NotFoundError
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ledger.client.errors import LedgerDownError
from app.ledger.money.movements import Money
from app.ledger.money.open_commands import OpenCommand, OpenCommands
from app.ledger.money.sending import is_erased
from app.runtime.observability.logging import in_short, where
from app.runtime.servers.store_threads import in_thread

log = logging.getLogger(__name__)

_LOOK_EVERY_S, _LONGEST_WAIT_S = 1.0, 60.0
_SAY_EVERY_S = 600.0
_MOST_AT_ONCE = 64


@dataclass
class _Tries:
    count: int = 0
    next_at: float = 0.0
    said_at: float = -_SAY_EVERY_S


class Settler:
    """One process's settler."""

    def __init__(
        self,
        money: Money,
        commands: OpenCommands,
        *,
        running_s: float,
        key_hours: float,
        first_wait_s: float = 1.0,
    ) -> None:
        """A command counts as lost ``running_s`` after it was stored; every second the settler looks.

        It sends what it finds ``first_wait_s`` later, and then after twice as long each time, up to a minute:
        an earlier attempt may still be under way in the ledger, and must end before its outcome can be known.

        The ledger forgets a key after ``key_hours``: then sending again could move the money twice, and a
        person has to settle it.
        """
        self._money = money
        self._commands = commands
        self._running = timedelta(seconds=running_s)
        self._key_lasts = timedelta(hours=key_hours)
        self._first_wait_s = first_wait_s
        self._tries: dict[str, _Tries] = {}
        self._said_at = -_LONGEST_WAIT_S
        self._settling: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.settle_due()
            except EVENT_STORE_ERRORS as error:
                self._warn("The event store is away; unknown commands wait: %s", in_short(error))
            except Exception as error:  # noqa: BLE001 - the next look may do better
                self._warn("The settler failed, and retries: %s", where(error))
            await asyncio.sleep(_LOOK_EVERY_S)

    def _warn(self, what: str, of: str) -> None:
        """Once a minute: it looks again every second."""
        if monotonic() - self._said_at >= _LONGEST_WAIT_S:
            self._said_at = monotonic()
            log.warning(what, of)

    async def settle_due(self) -> list[asyncio.Task[None]]:
        """Look once, and begin to send what is due, without waiting for it. Returns the tasks.

        Raises one of EVENT_STORE_ERRORS.
        """
        now = datetime.now(UTC)
        open_now = await in_thread(self._commands.look)
        first = monotonic() + self._first_wait_s
        tries, names = self._tries, [each.command_id for each in open_now]
        self._tries = {name: tries.get(name) or _Tries(next_at=first) for name in names}
        due = [each for each in open_now if each.command_id not in self._settling and self._is_due(each, now)]
        random.shuffle(due)
        return [self._begin(each) for each in due[: _MOST_AT_ONCE - len(self._settling)]]

    def _begin(self, each: OpenCommand) -> asyncio.Task[None]:
        task = asyncio.create_task(self._settle(each))
        self._settling[each.command_id] = task
        task.add_done_callback(lambda done: self._ended(each.command_id, done))
        return task

    def _ended(self, command_id: str, task: asyncio.Task[None]) -> None:
        del self._settling[command_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            about = {"aggregate": command_id}
            log.warning("Command %s could not be settled now: %s", command_id, where(error), extra=about)

    async def settle_by_hand(
        self, command_id: str, actor: Actor, *, posted: bool, because: str, transaction_id: str | None
    ) -> LedgerCommand:
        """Record what a person found in the ledger's books of a command that is not sent any more.

        Raises NotFoundError, RefusedError, and one of EVENT_STORE_ERRORS.
        """

        def record(command: LedgerCommand, source: Source) -> None:
            if command.intent is None:
                raise NotFoundError("ledger command", command_id)
            command.settle_by_hand(
                source,
                actor=actor,
                posted=posted,
                because=because,
                transaction_id=transaction_id,
                is_sent=self.will_send(command),
            )

        return await in_thread(self._money.store.record, command_id, "settle_by_hand", record)

    def will_send(self, command: LedgerCommand) -> bool:
        """Whether an open command is sent again, or may be under way: a person has to wait."""
        lasts = self._running if is_erased(command) else self._key_lasts
        return command.sent_from is not None and datetime.now(UTC) - command.sent_from <= lasts

    def _is_due(self, each: OpenCommand, now: datetime) -> bool:
        if self._money.is_sending(each.command_id):
            return False
        tries = self._tries[each.command_id]
        if now - each.since > self._key_lasts:
            if monotonic() - tries.said_at >= _SAY_EVERY_S:
                tries.said_at = monotonic()
                log.error(
                    "Command %s has been unknown for longer than the ledger keeps its key: look into the "
                    "ledger, and settle it by hand (docs/operations.md)",
                    each.command_id,
                    extra={"aggregate": each.command_id},
                )
            return False
        lost = each.is_unknown or now - each.since > self._running
        return lost and monotonic() >= tries.next_at

    async def _settle(self, each: OpenCommand) -> None:
        tries = self._tries[each.command_id]
        tries.count += 1
        wait = min(_LONGEST_WAIT_S, max(1.0, self._first_wait_s) * 2 ** min(tries.count, 10))
        tries.next_at = monotonic() + wait * random.uniform(0.5, 1.0)
        try:
            await self._money.client.raise_if_down()
        except LedgerDownError:
            return  # It is tried again; the ledger's absence is already logged.
        command = await in_thread(self._money.store.load, each.command_id)
        if command is not None and command.may_be_posted:
            if command.status is CommandStatus.REQUESTED:
                # Recorded before it is sent: its first sender may only have slept, and is then not the first.
                await in_thread(self._money.store.record, each.command_id, "unanswered", _lost)
            command = await self._money.send(command, is_first=False)
            if command.is_settled:
                about = {"aggregate": each.command_id}
                log.info("Command %s is settled: %s", each.command_id, command.status, extra=about)


def _lost(command: LedgerCommand, source: Source) -> None:
    lost = LedgerCommand.OutcomeUnknown(code="LOST", message="no outcome was stored in time")
    command.attempt_failed(source, outcome=lost)
