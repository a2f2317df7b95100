"""The client of one ledger: all its operations, with typed results and errors by name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from types import TracebackType
from typing import Any, Self, cast

from google.protobuf.message import Message

from app.ledger.client import results
from app.ledger.client.calls import Breaker, Calls, no_answer
from app.ledger.client.channel import open_channel
from app.ledger.client.errors import LedgerDownError, LedgerTimeoutError
from app.ledger.client.fees import FeeCalls
from app.ledger.client.security import PLAIN, Security
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.ledger.wire.accounting_ledger_pb2_grpc import AccountingLedgerServiceStub
from app.runtime.settings.settings import Settings

READ_SECONDS = 2.0
"""The deadline of a read: a hung ledger must not hold up every request."""

WRITE_SECONDS = 10.0
"""The deadline of a write: after it the outcome is unknown, and the same key settles it."""

WATCH_SECONDS = 3_600.0
"""How long a watch is kept; its reader then resumes after the last transaction that it had."""

CONNECT_SECONDS = 0.075
"""How long it may take to know whether a write can be sent: a dead ledger is reported in under 100 ms."""

KEEPALIVE_SECONDS = 330.0
"""Just above the five minutes that a gRPC server demands between pings by default."""

_AFTER_DEADLINE_S = 1.0

WriteRequest = (
    wire.RecordRepaymentRequest
    | wire.ApplyFeeRequest
    | wire.WaiveFeeRequest
    | wire.WriteOffRequest
    | wire.MakeAdjustmentRequest
)
_WRITES: dict[type[Message], str] = {
    wire.RecordRepaymentRequest: "RecordRepayment",
    wire.WaiveFeeRequest: "WaiveFee",
    wire.WriteOffRequest: "WriteOff",
    wire.MakeAdjustmentRequest: "MakeAdjustment",
}


class LedgerClient:
    """Speaks to one ledger over one channel; make one a process, inside its event loop.

    Every call raises LedgerError if it gives no result. Dates are ``YYYY-MM-DD``.
    """

    def __init__(
        self,
        target: str,
        *,
        read_seconds: float = READ_SECONDS,
        write_seconds: float = WRITE_SECONDS,
        watch_seconds: float = WATCH_SECONDS,
        keepalive_seconds: float = KEEPALIVE_SECONDS,
        security: Security = PLAIN,
        breaker: Breaker | None = None,
    ) -> None:
        """``target`` is ``host:port``; no connection is made before the first call.

        Raises LedgerSettingsError for a token that would travel in plain text.
        """
        self._metadata = security.metadata(target)
        self._open = partial(open_channel, target, security, keepalive_seconds=keepalive_seconds)
        self._breaker = breaker or Breaker(no_answer)
        self._leaving: set[asyncio.Task[None]] = set()
        self._begin()
        self._fees = FeeCalls()
        self._read_seconds = read_seconds
        self._write_seconds = write_seconds
        self._watch_seconds = watch_seconds

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say. Raises LedgerSettingsError."""
        return cls(
            settings.ledger_target,
            read_seconds=settings.ledger_read_seconds,
            write_seconds=settings.ledger_write_seconds,
            watch_seconds=settings.ledger_watch_seconds,
            keepalive_seconds=settings.ledger_keepalive_seconds,
            security=Security.of(settings),
        )

    def _begin(self) -> None:
        """Open a new channel."""
        self._channel = self._open()
        self._stub: dict[str, Any] = vars(cast(Any, AccountingLedgerServiceStub)(self._channel))
        self._calls = Calls(self._channel, self._metadata, self._breaker)

    def _reconnect(self) -> None:
        """Leave a silent connection: something on its way may have forgotten it.

        gRPC itself would check it only after ``keepalive_seconds``. Calls still under way on it end by their
        own deadlines.
        """
        leaving = asyncio.create_task(self._channel.close(self._write_seconds + _AFTER_DEADLINE_S))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        self._begin()

    def connect(self) -> None:
        """Begin to connect, so that the first command does not wait for it."""
        self._channel.get_state(try_to_connect=True)

    async def raise_if_down(self, *, seconds: float = CONNECT_SECONDS) -> None:
        """Raise LedgerDownError unless a write may be sent now; to be asked before an intent is stored.

        At once while the ledger answers, or is known not to; otherwise after ``seconds`` at most.
        """
        await self._calls.raise_if_down(seconds=seconds)

    async def ready(self, *, seconds: float = CONNECT_SECONDS) -> bool:
        """Whether ``raise_if_down`` would not raise."""
        try:
            await self.raise_if_down(seconds=seconds)
        except LedgerDownError:
            return False
        return True

    async def get_balance(self, loan_account_id: str) -> results.LedgerBalance:
        """What is owed on the account now."""
        request = wire.GetBalanceRequest(loan_account_id=loan_account_id)
        return results.result_of(results.LedgerBalance, await self._read("GetBalance", request))

    async def get_transactions(
        self,
        loan_account_id: str,
        *,
        limit: int | None = None,
        from_date: str | None = None,
        to_date: str | None = None,
        kind: str | None = None,
    ) -> results.TransactionList:
        """The account's transactions, newest first; both dates are included.

        ``kind`` is a name of the wire's TransactionType. Raises ValueError for another one.
        """
        request = wire.GetTransactionsRequest(
            loan_account_id=loan_account_id,
            limit=limit,
            from_date=from_date,
            to_date=to_date,
            type_filter=None if kind is None else wire.TransactionType.Value(kind),
        )
        return results.result_of(results.TransactionList, await self._read("GetTransactions", request))

    async def get_record(self, loan_account_id: str) -> results.LedgerRecord:
        """The account as the ledger holds it."""
        request = wire.GetLedgerRecordRequest(loan_account_id=loan_account_id)
        return results.result_of(results.LedgerRecord, await self._read("GetLedgerRecord", request))

    async def get_statement(
        self, loan_account_id: str, *, period_start: str, period_end: str
    ) -> results.LedgerStatement:
        """The account's statement of a period, both days included."""
        request = wire.GetStatementRequest(
            loan_account_id=loan_account_id, period_start=period_start, period_end=period_end
        )
        return results.result_of(results.LedgerStatement, await self._read("GetStatement", request))

    async def watch_transactions(
        self, loan_account_id: str, *, after: str | None = None
    ) -> AsyncIterator[results.LedgerTransaction]:
        """Each transaction as it is posted; those since the one with the id ``after`` come first.

        Ends when the ledger ends it, and after ``watch_seconds``. Close the iterator (``aclosing``) to
        end it earlier.
        """
        request = wire.WatchTransactionsRequest(loan_account_id=loan_account_id, from_transaction_id=after)
        heard = self._calls.listen(self._stub["WatchTransactions"], request, self._watch_seconds)
        async with aclosing(cast(Any, heard)) as answers:
            async for each in answers:
                yield results.result_of(results.LedgerTransaction, each)

    async def post(self, request: WriteRequest) -> results.TransactionResult:
        """Have the ledger post something. The request's idempotency key is one per intent.

        No write is ever sent twice from here: what to do when ``outcome_unknown`` is the caller's to decide,
        with the same key. Raises ValueError for a request without a key.
        """
        if not request.idempotency_key:
            msg = "a write needs its idempotency key"
            raise ValueError(msg)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._write_seconds

        async def send(method: str, what: Message) -> wire.TransactionResponse:
            return cast("wire.TransactionResponse", await self._ask(method, what, until - loop.time()))

        if isinstance(request, wire.ApplyFeeRequest):
            answer = await self._fees.apply(send, request)
        else:
            answer = await send(_WRITES[type(request)], request)
        return results.result_of(results.TransactionResult, answer)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()
        for each in tuple(self._leaving):
            each.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _read(self, method: str, request: Any) -> Any:
        return await self._ask(method, request, self._read_seconds)

    async def _ask(self, method: str, request: Any, seconds: float) -> Any:
        calls = self._calls
        try:
            return await calls.ask(method, self._stub[method], request, seconds)
        except LedgerTimeoutError:
            if calls is self._calls and not self._breaker.is_closed:
                self._reconnect()
            raise
