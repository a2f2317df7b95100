"""The sandbox's gRPC service: the whole contract, answered from the books."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Any, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from app.ledger.client.channel import SERVICE
from app.ledger.client.health import SANDBOX
from app.ledger.sandbox import answers, arguments
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.faults import Faults, FaultyCalls
from app.ledger.sandbox.journal import Posting
from app.ledger.sandbox.measuring import MeasuredCalls
from app.ledger.sandbox.refusals import (
    BadArgumentError,
    KeyReusedError,
    Refusal,
    RejectedError,
    UnknownAccountError,
)
from app.ledger.sandbox.statement import statement
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.ledger.wire import accounting_ledger_pb2_grpc as wire_grpc

_MOST = 1_000
_THREADS = 96
_MOST_WATCHERS = 64

_STATUS = {
    BadArgumentError: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownAccountError: grpc.StatusCode.NOT_FOUND,
    RejectedError: grpc.StatusCode.FAILED_PRECONDITION,
    KeyReusedError: grpc.StatusCode.ALREADY_EXISTS,
}


class SandboxLedger(wire_grpc.AccountingLedgerServiceServicer):
    """Answers from the books. Each method is the rpc of its name; refusals become its status."""

    def __init__(self, books: Books) -> None:
        self._books = books
        # Each watcher has a thread of the server's; the others must find one.
        self._watchers = BoundedSemaphore(_MOST_WATCHERS)

    def GetBalance(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """What is owed now."""
        return _answered(
            context,
            lambda: answers.balance(request.loan_account_id, *self._books.balance(request.loan_account_id)),
        )

    def GetTransactions(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """The newest first, by dates (included) and type; a thousand at most."""
        return _answered(context, lambda: self._transactions(request))

    def GetLedgerRecord(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """The account's terms and totals."""
        return _answered(context, lambda: answers.record(self._books.record(request.loan_account_id)))

    def GetStatement(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """What happened from one day to another, both included."""

        def told() -> Any:
            period = arguments.period(request, "period_start", "period_end")
            found = self._books.record(request.loan_account_id)
            return answers.statement(found, period, statement(found.postings, *period), datetime.now(UTC))

        return _answered(context, told)

    def WatchTransactions(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Each transaction after the one named, then those to come; without a name, those to come only.

        The initial metadata is sent once the watch is in place. Ends when the caller cancels.
        """
        if not self._watchers.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{_MOST_WATCHERS} watch already")
        try:
            yield from self._followed(request, context)
        finally:
            self._watchers.release()

    def _followed(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        database = self._books.database
        last = _answered(context, lambda: self._watched_from(request))
        context.add_callback(database.wake)
        context.send_initial_metadata(())
        while context.is_active():
            seen = database.version
            for posted in self._books.postings_after(request.loan_account_id, last):
                last = posted.number
                yield answers.transaction(posted)
            database.wait_beyond(seen, lambda: not context.is_active())

    def _watched_from(self, request: Any) -> int:
        known = self._books.record(request.loan_account_id).postings
        if not request.HasField("from_transaction_id"):
            return known[-1].number if known else 0
        for posted in known:
            if posted.transaction_id == request.from_transaction_id:
                return posted.number
        msg = "from_transaction_id is no transaction of this account"
        raise BadArgumentError(msg)

    def _transactions(self, request: Any) -> Any:
        tests: list[Callable[[Posting], bool]] = []
        if request.HasField("from_date"):
            first = arguments.day("from_date", request.from_date)
            tests.append(lambda each: each.effective_date >= first)
        if request.HasField("to_date"):
            last = arguments.day("to_date", request.to_date)
            tests.append(lambda each: each.effective_date <= last)
        if request.HasField("type_filter") and request.type_filter:
            tests.append(lambda each: wire.TransactionType.Value(each.kind) == request.type_filter)
        limit = request.limit if request.HasField("limit") else _MOST
        if limit < 1:
            msg = "limit must be above zero"
            raise BadArgumentError(msg)
        newest_first = reversed(self._books.record(request.loan_account_id).postings)
        found = [each for each in newest_first if all(test(each) for test in tests)]
        return answers.transactions(request.loan_account_id, found[: min(limit, _MOST)], len(found))


def _writing(name: str) -> Callable[..., Any]:
    """The method of an rpc that posts."""
    read = arguments.WRITES[name]

    def write(self: SandboxLedger, request: Any, context: grpc.ServicerContext) -> Any:
        def told() -> Any:
            operation, key = read(request), arguments.key(request)
            return answers.outcome(self._books.execute(operation, key))

        return _answered(context, told)

    return write


for _name in arguments.WRITES:
    setattr(SandboxLedger, _name, _writing(_name))


def _answered(context: grpc.ServicerContext, answer: Callable[[], Any]) -> Any:
    try:
        return answer()
    except Refusal as refusal:
        return context.abort(_STATUS[type(refusal)], str(refusal))


def serve(
    books: Books, target: str, *, faults: Faults | None = None, without: Sequence[str] = ()
) -> grpc.Server:
    """Serve on ``host:port``, as a server that never had the operations ``without``.

    Raises RuntimeError where the port is taken.
    """
    server = grpc.server(
        ThreadPoolExecutor(_THREADS),
        interceptors=[MeasuredCalls(), FaultyCalls(faults or Faults(), without)],
        options=[("grpc.so_reuseport", 0)],
    )
    cast(Any, wire_grpc).add_AccountingLedgerServiceServicer_to_server(SandboxLedger(books), server)
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    server.add_insecure_port(target)
    server.start()
    for name in ("", SERVICE, SANDBOX):
        checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server
