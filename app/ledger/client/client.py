"""The client of one ledger: all its operations, with typed results and errors by name."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Self, cast

from google.protobuf.message import Message

from app.ledger.client import results
from app.ledger.client.calls import Breaker, Calls
from app.ledger.client.channel import Security, open_channel
from app.ledger.client.errors import LedgerTimeoutError, NotOfferedError
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.ledger.wire.accounting_ledger_pb2_grpc import AccountingLedgerServiceStub
from app.runtime.settings.settings import Settings

CONNECT_SECONDS = 0.075
"""How long it may take to know whether a write can be sent: a dead ledger is reported in under 100 ms."""

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


Send = Callable[[str, Any], Awaitable[Any]]
"""Sends a request to the rpc of this name."""


def _specific(request: wire.ApplyFeeRequest) -> tuple[str, Any]:
    """The call for this kind of fee alone, which has no place for some of the fields."""
    given = {field.name: value for field, value in request.ListFields() if field.name != "fee_type"}
    if request.fee_type == wire.TransactionType.LATE_FEE:
        given.pop("reference_id", None)
        return "ApplyLateFee", wire.ApplyLateFeeRequest(**given)
    given.pop("days_past_due", None)
    return "ApplyDishonourFee", wire.ApplyDishonourFeeRequest(**given)


class LedgerClient:
    """Speaks to one ledger over one channel; make one a process, inside its event loop.

    Every call raises LedgerError if it gives no result. Dates are ``YYYY-MM-DD``.
    """

    def __init__(self, settings: Settings, breaker: Breaker | None = None) -> None:
        """No connection is made before the first call. Raises LedgerSettingsError."""
        self._settings, self._security = settings, Security.of(settings)
        self._breaker = breaker or Breaker()
        self._leaving: set[asyncio.Task[None]] = set()
        self._has_apply_fee = True
        """Or else one call for each kind of fee; learnt from the ledger's answers."""
        self._begin()

    def _begin(self) -> None:
        self._channel = open_channel(self._settings, self._security.credentials)
        self._stub: dict[str, Any] = vars(cast(Any, AccountingLedgerServiceStub)(self._channel))
        self._calls = Calls(self._channel, self._security.metadata, self._breaker)

    def _reconnect(self) -> None:
        """Leave a silent connection: something on its way may have forgotten it.

        gRPC itself would check it only after BILLIE_LEDGER_KEEPALIVE_SECONDS. Calls still under way on it
        end by their own deadlines.
        """
        seconds = self._settings.ledger_write_seconds + _AFTER_DEADLINE_S
        leaving = asyncio.create_task(self._channel.close(seconds))
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

        Ends when the ledger ends it, and after BILLIE_LEDGER_WATCH_SECONDS. Close the iterator
        (``aclosing``) to end it earlier.
        """
        request = wire.WatchTransactionsRequest(loan_account_id=loan_account_id, from_transaction_id=after)
        call, seconds = self._stub["WatchTransactions"], self._settings.ledger_watch_seconds
        async with aclosing(cast(Any, self._calls.listen(call, request, seconds))) as answers:
            async for each in answers:
                yield results.result_of(results.LedgerTransaction, each)

    async def post(self, request: WriteRequest) -> results.TransactionResult:
        """Have the ledger post something. The request's idempotency key is one per intent.

        No write is ever sent twice from here: what to do when ``outcome_unknown`` is the caller's to decide,
        with the same key. Raises ValueError for a request without a key.
        """
        if not request.idempotency_key:
            raise ValueError("a write needs its idempotency key")
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.ledger_write_seconds

        async def send(method: str, what: Message) -> wire.TransactionResponse:
            return cast("wire.TransactionResponse", await self._ask(method, what, until - loop.time()))

        if isinstance(request, wire.ApplyFeeRequest):
            answer = await self._apply_fee(send, request)
        else:
            answer = await send(_WRITES[type(request)], request)
        return results.result_of(results.TransactionResult, answer)

    async def _apply_fee(self, send: Send, request: wire.ApplyFeeRequest) -> Any:
        """By ApplyFee, or by the call for this kind of fee: by the one that the ledger offers.

        What is not offered has not been posted, so the other call may be tried with the same key (contract
        ledger.md, "ApplyFee"). Raises NotOfferedError if it offers neither.
        """
        calls = {True: ("ApplyFee", request), False: _specific(request)}
        try:
            return await send(*calls[self._has_apply_fee])
        except NotOfferedError:
            answer = await send(*calls[not self._has_apply_fee])
            self._has_apply_fee = not self._has_apply_fee
            return answer

    async def close(self) -> None:
        await self._channel.close()
        for each in tuple(self._leaving):
            each.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _read(self, method: str, request: Any) -> Any:
        return await self._ask(method, request, self._settings.ledger_read_seconds)

    async def _ask(self, method: str, request: Any, seconds: float) -> Any:
        calls = self._calls
        try:
            return await calls.ask(method, self._stub[method], request, seconds)
        except LedgerTimeoutError:
            if calls is self._calls and not self._breaker.is_closed:
                self._reconnect()
            raise
