"""Moving money: the intent is stored, then the ledger is asked, then the outcome is stored.

The six failures of ``contracts/ledger.md`` are kept out here: a key is the caller's, and used for one intent
for ever; what is not known is said to be unknown, and settled with the same key (``settler.py``).
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.aggregates import Actor, CommandStatus, Intent, LedgerCommand
from app.errors import BillieError, IdempotencyKeyReusedError
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import ErasedIntentError, KeyReusedError, LedgerError, NotOfferedError
from app.ledger.money.command_store import CommandStore, Rule
from app.ledger.money.sending import send
from app.runtime.observability.metrics import MONEY_COMMANDS
from app.runtime.servers.store_threads import in_thread

log = logging.getLogger(__name__)

_OTHER_COMMAND = "The key belongs to a command that asks for something else. A new intent takes a new key."


class StillRunningError(BillieError):
    """The first request with this key is still being answered."""

    status = 409
    code = "still_running"
    retryable = True

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("The first request with this key is still being answered. Retry with the same key.")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Answer:
    """A command as it is now. ``is_replay``: its key came before, and this is what became of that."""

    command: LedgerCommand
    is_replay: bool


class Money:
    """Asks the ledger to move money, once for each key."""

    def __init__(self, store: CommandStore, client: LedgerClient, *, running_s: float) -> None:
        """``running_s``: how long the first request with a key may take before it counts as lost."""
        self.store = store
        self.client = client
        self._running = timedelta(seconds=running_s)
        self._sending: dict[str, asyncio.Task[LedgerCommand]] = {}

    async def ask(self, intent: Intent, actor: Actor, rule: Rule | None = None) -> Answer:
        """Have the ledger do what is intended, or tell what became of it when it was asked before.

        ``rule``: says whether it needs approval, in the transaction that stores it; raises what it raises.
        Raises IdempotencyKeyReusedError, StillRunningError, LedgerDownError (nothing was stored or
        sent), and one of EVENT_STORE_ERRORS: then nothing was sent, but the settler sends what was stored.
        """
        known = await in_thread(self.store.load, intent.command_id)
        if known is None:
            await self.client.raise_if_down()
            command, is_new = await in_thread(self.store.request, intent, actor, rule)
            if is_new:
                if not command.awaits_approval:
                    command = await self.send(command, is_first=True)
                return Answer(command, is_replay=False)
            known = command
        return self._asked_before(intent, known)

    async def send(self, command: LedgerCommand, *, is_first: bool) -> LedgerCommand:
        """Ask the ledger, and store what it answers. Returns the command as it is then.

        ``is_first``: nobody can have sent it before. Otherwise an answer that is only about this attempt, a
        refused token say, tells nothing of the one before: the command stays unknown.

        It goes on where the caller goes away. Raises nothing that says less than the truth: where even the
        outcome cannot be stored, the command is as unknown as before.
        """
        if command.is_settled or command.awaits_approval:
            return command
        running = self._sending.get(command.business_id)
        if running is None:
            running = asyncio.create_task(self._send(command, is_first=is_first))
            self._sending[command.business_id] = running
            running.add_done_callback(lambda _: self._sending.pop(command.business_id, None))
        return await asyncio.shield(running)

    def is_sending(self, command_id: str) -> bool:
        """Whether this process waits for the ledger's answer to it."""
        return command_id in self._sending

    async def close(self) -> None:
        """Wait until what was sent is answered, or its deadline has passed."""
        await asyncio.gather(*self._sending.values(), return_exceptions=True)

    def _asked_before(self, intent: Intent, command: LedgerCommand) -> Answer:
        if not command.asks_for(intent):
            raise IdempotencyKeyReusedError(_OTHER_COMMAND)
        asked = command.intent
        assert asked is not None
        runs_until = asked.timestamp + self._running
        left = (runs_until - datetime.now(UTC)).total_seconds()
        if command.status == "requested" and not command.awaits_approval and left > 0:
            raise StillRunningError(max(1, min(round(left), 2)))
        return Answer(command, is_replay=True)

    async def _send(self, command: LedgerCommand, *, is_first: bool) -> LedgerCommand:
        command_id = command.business_id
        try:
            answer = await send(self.client, command)
        except LedgerError as error:
            what = _outcome(error, is_first=is_first)
            facts: dict[str, Any] = {"code": error.grpc_code, "message": error.message}
            loud = logging.ERROR if isinstance(error, ErasedIntentError) else logging.WARNING
            log.log(
                loud, "Command %s %s: %s", command_id, what, error.grpc_code, extra={"aggregate": command_id}
            )
        else:
            what, facts = "posted", answer
            if is_first and answer["result"].get("idempotentReplay"):
                told = "Command %s: the ledger had its key already, at the first attempt"
                log.warning(told, command_id, extra={"aggregate": command_id})
        if command.intent is not None:
            MONEY_COMMANDS.labels(command.intent.kind, what).inc()
        if not is_first and what in ("posted", "rejected"):
            facts = {**facts, "by_settler": True}
        try:
            command = await in_thread(self.store.record, command_id, what, **facts)
            if what == "posted" and command.status is not CommandStatus.POSTED:
                log.error(
                    "Command %s was taken for rejected, and the ledger has posted it as %s",
                    command_id,
                    facts["transaction_id"],
                    extra={"aggregate": command_id},
                )
            return command
        except EVENT_STORE_ERRORS as error:
            told, about = "Command %s: the outcome cannot be stored: %s", {"aggregate": command_id}
            log.error(told, command_id, type(error).__name__, extra=about)
            return command


def _outcome(error: LedgerError, *, is_first: bool) -> str:
    """What an error says of the command: the name of what the store records."""
    if isinstance(error, KeyReusedError) and not is_first:
        return "unanswered"  # An attempt before may have had other words: a fee's, on a ledger of before.
    if error.settles:
        return "rejected"
    # A refused token is our own fault, and may be mended while the command waits.
    return "not_offered" if is_first and isinstance(error, NotOfferedError) else "unanswered"
