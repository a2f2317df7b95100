"""Moving money: the intent is stored, the ledger is asked, the outcome is stored.

This keeps out the six failures of ``contracts/ledger.md``: a key is the caller's, for one intent for ever; an
unknown outcome is called unknown, and settled with the same key (``settler.py``).
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.aggregates import Actor, CommandStatus, Intent, LedgerCommand
from app.errors import BillieError, IdempotencyKeyReusedError
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import ErasedIntentError, KeyReusedError, LedgerError, NotOfferedError
from app.ledger.client.results import TransactionResult
from app.ledger.money.command_store import CommandStore, Record, Rule
from app.ledger.money.sending import send, stored_result
from app.runtime.observability.metrics import MONEY_COMMANDS
from app.runtime.servers.store_threads import in_thread

log = logging.getLogger(__name__)

_OTHER_COMMAND = "The key belongs to a command that asks for something else. A new intent takes a new key."


class StillRunningError(BillieError):
    """The first request with this key is still being answered."""

    status, code, retryable = 409, "still_running", True

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("The first request with this key is still being answered. Retry with the same key.")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Answer:
    """A command as it is now. ``is_replay``: it was requested before."""

    command: LedgerCommand
    is_replay: bool


class Money:
    """Has the ledger move money, once for each key."""

    def __init__(self, store: CommandStore, client: LedgerClient, *, running_s: float) -> None:
        """``running_s``: how long the first request with a key may take before it counts as lost."""
        self.store = store
        self.client = client
        self._running = timedelta(seconds=running_s)
        self._sending: dict[str, asyncio.Task[LedgerCommand]] = {}

    async def ask(self, intent: Intent, actor: Actor, rule: Rule | None = None) -> Answer:
        """Have the ledger do what is intended; if it was asked before, the outcome.

        ``rule`` says whether it needs approval, in the transaction that stores it, and may raise.
        Raises IdempotencyKeyReusedError, StillRunningError, LedgerDownError (nothing was stored or sent), and
        one of EVENT_STORE_ERRORS: then nothing was sent, but the settler sends what was stored.
        """
        command = await in_thread(self.store.load, intent.command_id)
        if command is None:
            await self.client.raise_if_down()
            stored, is_new = await in_thread(self.store.request, intent, actor, rule)
            if is_new:
                return await self.answer(stored, is_new=True)
            command = stored
        if not command.asks_for(intent):
            raise IdempotencyKeyReusedError(_OTHER_COMMAND)
        self._check_not_running(command)
        return Answer(command, is_replay=True)

    async def answer(self, command: LedgerCommand, *, is_new: bool) -> Answer:
        """Send what was just stored or approved, unless it awaits approval."""
        if is_new:
            command = await self.send(command, is_first=True)
        return Answer(command, is_replay=not is_new)

    async def send(self, command: LedgerCommand, *, is_first: bool) -> LedgerCommand:
        """Ask the ledger, and store its answer. Returns the command as it is then.

        ``is_first``: nobody can have sent it before. Otherwise an answer that is only about this attempt,
        such as a refused token, does not settle it: the command stays unknown.

        It continues if the caller goes away. Raises nothing: if even the outcome cannot be stored, the
        command stays unknown.
        """
        if not command.may_be_posted:
            return command
        running = self._sending.get(command.business_id)
        if running is None:
            running = asyncio.create_task(self._send(command, is_first=is_first))
            self._sending[command.business_id] = running
            running.add_done_callback(lambda _: self._sending.pop(command.business_id, None))
        return await asyncio.shield(running)

    def is_sending(self, command_id: str) -> bool:
        """Whether this process awaits the ledger's answer to it."""
        return command_id in self._sending

    async def close(self) -> None:
        """Wait until what was sent is answered, or its deadline has passed."""
        await asyncio.gather(*self._sending.values(), return_exceptions=True)

    def _check_not_running(self, command: LedgerCommand) -> None:
        assert command.intent is not None, "a stored command has an intent"
        left = (command.intent.timestamp + self._running - datetime.now(UTC)).total_seconds()
        if command.status is CommandStatus.REQUESTED and not command.awaits_approval and left > 0:
            raise StillRunningError(max(1, min(round(left), 2)))

    async def _send(self, command: LedgerCommand, *, is_first: bool) -> LedgerCommand:
        command_id, about = command.business_id, {"aggregate": command.business_id}
        try:
            answer = await send(self.client, command)
        except LedgerError as error:
            what, record = _failed(error, is_first=is_first)
            level = logging.ERROR if isinstance(error, ErasedIntentError) else logging.WARNING
            log.log(level, "Command %s %s: %s", command_id, what, error.grpc_code, extra=about)
        else:
            what, record = "posted", _posted(answer, is_first=is_first)
            if is_first and answer.idempotent_replay:
                text = "Command %s: the ledger knew its key at the first attempt"
                log.warning(text, command_id, extra=about)
        if command.intent is not None:
            MONEY_COMMANDS.labels(command.intent.kind, what).inc()
        try:
            command = await in_thread(self.store.record, command_id, what, record)
        except EVENT_STORE_ERRORS as error:
            text = "Command %s: the outcome cannot be stored: %s"
            log.error(text, command_id, type(error).__name__, extra=about)
        else:
            if what == "posted" and command.status is not CommandStatus.POSTED:
                log.error("Command %s is recorded as rejected, but is posted", command_id, extra=about)
        return command


def _posted(answer: TransactionResult, *, is_first: bool) -> Record:
    return lambda command, source: command.settle(
        source,
        outcome=LedgerCommand.Posted(
            transaction_id=answer.transaction.transaction_id,
            ledger_event_id=answer.event_id,
            result=stored_result(answer),
            by_settler=not is_first or None,
        ),
    )


def _failed(error: LedgerError, *, is_first: bool) -> tuple[str, Record]:
    """What an error says of the command, and how to record it."""
    code, message = error.grpc_code, error.message
    # An earlier attempt may have used another call with this key: a fee's, on a ledger without ApplyFee.
    is_own_key = isinstance(error, KeyReusedError) and not is_first
    if error.settles and not is_own_key:
        return "rejected", lambda command, source: command.settle(
            source,
            outcome=LedgerCommand.Rejected(code=code, message=message, by_settler=not is_first or None),
        )
    if is_first and isinstance(error, NotOfferedError):
        return "not_offered", lambda command, source: command.attempt_failed(
            source, outcome=LedgerCommand.Rejected(code=code, message=message)
        )
    # A refused token is our own fault, and may be fixed while the command waits.
    return "unanswered", lambda command, source: command.attempt_failed(
        source, outcome=LedgerCommand.OutcomeUnknown(code=code, message=message)
    )
