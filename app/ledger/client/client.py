"""Our client of the Accounting Ledger: all its operations, with typed results and errors by name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import Any, Self, cast

from app.ledger.client import answers, results
from app.ledger.client.amounts import amount_text
from app.ledger.client.breaker import Breaker
from app.ledger.client.calls import Calls, no_answer
from app.ledger.client.channel import PLAIN, Security, open_channel
from app.ledger.client.errors import LedgerDownError, LedgerTimeoutError
from app.ledger.client.fees import FeeDialect, FeeKind
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.ledger.wire.accounting_ledger_pb2_grpc import AccountingLedgerServiceStub

READ_SECONDS = 2.0
"""The deadline of a read. One hung ledger must not hold every request of ours."""

WRITE_SECONDS = 10.0
"""The deadline of a write: after it, the outcome is unknown, and the same key settles it."""

WATCH_SECONDS = 3_600.0
"""How long a watch is kept; its reader then watches on from the last transaction that it had."""

CONNECT_SECONDS = 0.075
"""How long it may take to know whether a write can be sent: a dead ledger is said in under 100 ms."""

KEEPALIVE_SECONDS = 330.0
"""Just above the five minutes that a gRPC server left at its defaults demands between pings."""

_AFTER_DEADLINE_S = 1.0


class LedgerClient:
    """Speaks to one ledger over one channel; make one a process, inside its event loop.

    Every call raises LedgerError (``app.ledger.client.errors``) when it gives no result. Amounts are AUD, as
    Decimal with two places at most; ValueError for others. Dates are ``YYYY-MM-DD``.

    A write's ``idempotency_key`` is one per intent of a caller, and goes to the ledger unchanged
    (contract ledger.md, failure 1). No write is ever sent twice from here: what to do when
    ``outcome_unknown`` is the caller's to decide, with the same key.
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
        self._fees = FeeDialect()
        self._read_seconds = read_seconds
        self._write_seconds = write_seconds
        self._watch_seconds = watch_seconds

    def _begin(self) -> None:
        """Take a new channel."""
        self._channel = self._open()
        self._stub: Any = cast(Any, AccountingLedgerServiceStub)(self._channel)
        self._calls = Calls(self._channel, self._metadata, self._breaker)

    def _begin_anew(self) -> None:
        """Leave a connection that says nothing: something on its way may have forgotten it.

        gRPC itself would ask it only after ``keepalive_seconds``. What is still under way on it has its time,
        and ends by its own deadline.
        """
        leaving = asyncio.create_task(self._channel.close(self._write_seconds + _AFTER_DEADLINE_S))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        self._begin()

    def connect(self) -> None:
        """Begin to connect, so that the first command does not wait for it. Fails silently: calls tell."""
        self._channel.get_state(try_to_connect=True)

    async def raise_if_down(self, *, seconds: float = CONNECT_SECONDS) -> None:
        """Raise LedgerDownError unless a write may be sent now; ask before an intent is stored.

        At once while the ledger answers, or is known not to; else after ``seconds`` at most.
        """
        await self._calls.raise_if_down(seconds=seconds)

    async def ready(self, *, seconds: float = CONNECT_SECONDS) -> bool:
        """Whether ``raise_if_down`` would not raise."""
        try:
            await self.raise_if_down(seconds=seconds)
        except LedgerDownError:
            return False
        return True

    async def get_balance(self, loan_account_id: str) -> results.Balance:
        """What is owed on the account now."""
        request = wire.GetBalanceRequest(loan_account_id=loan_account_id)
        return answers.balance(await self._read("GetBalance", request))

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
        return answers.transaction_list(await self._read("GetTransactions", request))

    async def get_record(self, loan_account_id: str) -> results.LedgerRecord:
        """The account as the ledger holds it."""
        request = wire.GetLedgerRecordRequest(loan_account_id=loan_account_id)
        return answers.record(await self._read("GetLedgerRecord", request))

    async def get_statement(
        self, loan_account_id: str, *, period_start: str, period_end: str
    ) -> results.Statement:
        """The account's statement of a period, both days included."""
        request = wire.GetStatementRequest(
            loan_account_id=loan_account_id, period_start=period_start, period_end=period_end
        )
        return answers.statement(await self._read("GetStatement", request))

    async def watch_transactions(
        self, loan_account_id: str, *, after: str | None = None
    ) -> AsyncIterator[results.LedgerTransaction]:
        """Each transaction as it is posted; those since the one with the id ``after`` come first.

        Ends when the ledger ends it, and after ``watch_seconds``. Close the iterator (``aclosing``) to
        let the ledger know that nobody listens.
        """
        request = wire.WatchTransactionsRequest(loan_account_id=loan_account_id, from_transaction_id=after)
        heard = self._calls.listen(self._stub.WatchTransactions, request, self._watch_seconds)
        async with aclosing(cast(Any, heard)) as told:
            async for each in told:
                yield answers.transaction(each)

    async def record_repayment(
        self,
        loan_account_id: str,
        amount: Decimal,
        *,
        idempotency_key: str,
        payment_id: str | None = None,
        payment_method: str | None = None,
        payment_reference: str | None = None,
        notes: str | None = None,
        target_payment_number: int | None = None,
        schedule_id: str | None = None,
    ) -> results.TransactionResult:
        """Record money received: it pays fees, then principal. ``notes`` hold 1,000 characters at most."""
        request = wire.RecordRepaymentRequest(
            loan_account_id=loan_account_id,
            amount=amount_text(amount),
            payment_id=payment_id,
            payment_method=payment_method,
            payment_reference=payment_reference,
            notes=notes,
            idempotency_key=idempotency_key,
            target_payment_number=target_payment_number,
            schedule_id=schedule_id,
        )
        return await self._write("RecordRepayment", request)

    async def apply_fee(
        self,
        kind: FeeKind,
        loan_account_id: str,
        amount: Decimal,
        *,
        idempotency_key: str,
        days_past_due: int | None = None,
        reason: str | None = None,
        reference_id: str | None = None,
    ) -> results.TransactionResult:
        """Charge a late fee or a dishonour fee, in whichever words this ledger understands.

        A ledger without ApplyFee is told no ``reference_id`` of a late fee, and no ``days_past_due`` of a
        dishonour fee: its calls have no place for them.
        """
        request = wire.ApplyFeeRequest(
            loan_account_id=loan_account_id,
            fee_amount=amount_text(amount),
            fee_type=wire.TransactionType.Value(kind),
            days_past_due=days_past_due,
            reason=reason,
            reference_id=reference_id,
            idempotency_key=idempotency_key,
        )
        return await self._write("ApplyFee", request)

    async def waive_fee(
        self,
        loan_account_id: str,
        amount: Decimal,
        *,
        reason: str,
        approved_by: str,
        idempotency_key: str,
        notes: str | None = None,
    ) -> results.TransactionResult:
        """Take back ``amount`` of the fees that are owed."""
        request = wire.WaiveFeeRequest(
            loan_account_id=loan_account_id,
            waiver_amount=amount_text(amount),
            reason=reason,
            approved_by=approved_by,
            notes=notes,
            idempotency_key=idempotency_key,
        )
        return await self._write("WaiveFee", request)

    async def write_off(
        self, loan_account_id: str, *, reason: str, approved_by: str, idempotency_key: str
    ) -> results.TransactionResult:
        """Write off all that is owed. Only for what two persons have decided (failure 4)."""
        request = wire.WriteOffRequest(
            loan_account_id=loan_account_id,
            reason=reason,
            approved_by=approved_by,
            idempotency_key=idempotency_key,
        )
        return await self._write("WriteOff", request)

    async def make_adjustment(
        self,
        loan_account_id: str,
        *,
        principal_delta: Decimal,
        fee_delta: Decimal,
        reason: str,
        approved_by: str,
        idempotency_key: str,
    ) -> results.TransactionResult:
        """Correct what is owed; a delta below zero lowers it."""
        request = wire.MakeAdjustmentRequest(
            loan_account_id=loan_account_id,
            principal_delta=amount_text(principal_delta),
            fee_delta=amount_text(fee_delta),
            reason=reason,
            approved_by=approved_by,
            idempotency_key=idempotency_key,
        )
        return await self._write("MakeAdjustment", request)

    async def close(self) -> None:
        """Let go of the channel."""
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
            return await calls.ask(method, getattr(self._stub, method), request, seconds)
        except LedgerTimeoutError:
            if calls is self._calls and not self._breaker.is_closed:
                self._begin_anew()
            raise

    async def _write(self, method: str, request: Any) -> results.TransactionResult:
        if not request.idempotency_key:
            msg = "a write needs its idempotency key"
            raise ValueError(msg)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._write_seconds

        async def send(to: str, what: Any) -> Any:
            return await self._ask(to, what, until - loop.time())

        answer = await (self._fees.apply(send, request) if method == "ApplyFee" else send(method, request))
        return answers.transaction_result(answer)
