"""Our client of the Accounting Ledger: typed results, a deadline on every call, errors by name."""

from collections.abc import Awaitable
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import grpc.aio

from app.ledger import results
from app.ledger.errors import ledger_error
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.ledger.wire.accounting_ledger_pb2_grpc import AccountingLedgerServiceStub

READ_SECONDS = 2.0
"""The deadline of a read. One hung ledger must not hold every request of ours."""

T = TypeVar("T")


class LedgerClient:
    """Speaks to one ledger over one channel; make one a process, inside its event loop.

    Every call raises LedgerError (``app.ledger.errors``) when it gives no result.
    """

    def __init__(self, target: str, *, read_seconds: float = READ_SECONDS) -> None:
        """``target`` is ``host:port``; no connection is made before the first call."""
        self._channel = grpc.aio.insecure_channel(target)
        self._stub: Any = cast(Any, AccountingLedgerServiceStub)(self._channel)
        self._read_seconds = read_seconds

    async def get_balance(self, loan_account_id: str) -> results.Balance:
        """What is owed on the account now."""
        request = wire.GetBalanceRequest(loan_account_id=loan_account_id)
        return results.balance(await self._read(self._stub.GetBalance, request))

    async def get_transactions(
        self,
        loan_account_id: str,
        *,
        limit: int | None = None,
        from_date: str | None = None,
        to_date: str | None = None,
        kind: str | None = None,
    ) -> results.TransactionList:
        """The account's transactions, newest first; dates are YYYY-MM-DD and included.

        ``kind`` is a name of the wire's TransactionType. Raises ValueError for another one.
        """
        request = wire.GetTransactionsRequest(
            loan_account_id=loan_account_id,
            limit=limit,
            from_date=from_date,
            to_date=to_date,
            type_filter=None if kind is None else wire.TransactionType.Value(kind),
        )
        return results.transaction_list(await self._read(self._stub.GetTransactions, request))

    async def close(self) -> None:
        """Let go of the channel."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _read(self, call: Any, request: Any) -> Any:
        return await _answer(call(request, timeout=self._read_seconds))


async def _answer(call: Awaitable[T]) -> T:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise ledger_error(error) from error
