"""The sandbox's gRPC service: the whole contract, answered from the books."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from app.ledger.client.channel import SERVICE
from app.ledger.client.health import SANDBOX
from app.ledger.sandbox import messages
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.errors import BadArgumentError, SandboxError
from app.ledger.sandbox.faults import OPERATIONS, Faults
from app.ledger.sandbox.loans import Posting
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.ledger.wire import accounting_ledger_pb2_grpc as wire_grpc
from app.runtime.observability.metrics import SANDBOX_CALLS

_THREADS = 96
_MOST_WATCHERS = 64
"""Each has a thread of the server's; the others must find one."""


def _answer(books: Books, rpc: str, request: Any) -> Any:
    if rpc in messages.READS:
        return messages.READS[rpc](books.loan(request.loan_account_id), request)
    posted, replay = books.execute(*messages.operation_of(rpc, request))
    return messages.outcome(posted, replay=replay)


def _watch(
    books: Books, request: wire.WatchTransactionsRequest, context: grpc.ServicerContext
) -> Iterator[wire.Transaction]:
    """Each transaction after the one named, then those to come; without a name, those to come only.

    The initial metadata is sent once the watch is in place. Ends when the caller cancels.
    """
    last = _watched_from(books.loan(request.loan_account_id).postings, request)
    context.add_callback(books.wake)
    context.send_initial_metadata(())
    while context.is_active():
        seen = books.version
        while batch := books.postings_after(last, request.loan_account_id):
            last = batch[-1].number
            yield from map(messages.transaction, batch)
        books.wait_beyond(seen, lambda: not context.is_active())


def _watched_from(known: Sequence[Posting], request: wire.WatchTransactionsRequest) -> int:
    if not request.HasField("from_transaction_id"):
        return known[-1].number if known else 0
    for posted in known:
        if posted.transaction_id == request.from_transaction_id:
            return posted.number
    raise BadArgumentError("from_transaction_id is no transaction of this account")


@contextmanager
def _answering(name: str, context: grpc.ServicerContext) -> Iterator[None]:
    """Counts the call when it ends, and answers a refusal with its status."""
    outcome = "OK"
    try:
        yield
    except SandboxError as error:
        outcome = error.grpc_status.name
        context.abort(error.grpc_status, str(error))
    except GeneratorExit:
        outcome = "CANCELLED"  # The watcher went away.
        raise
    except BaseException:
        outcome = (context.code() or grpc.StatusCode.UNKNOWN).name
        raise
    finally:
        SANDBOX_CALLS.labels(name, outcome).inc()


def _servicer(books: Books, faults: Faults, without: Sequence[str]) -> Any:
    """What gRPC calls: a method an rpc, with the faults on demand around it."""
    watchers = BoundedSemaphore(_MOST_WATCHERS)

    def unary(name: str) -> Callable[[Any, grpc.ServicerContext], Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            with _answering(name, context):
                faults.strike(name, context, after=False)
                answer = _answer(books, name, request)
                faults.strike(name, context, after=True)
                return answer

        return call

    def watch(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with _answering("WatchTransactions", context):
            faults.strike("WatchTransactions", context, after=False)
            if not watchers.acquire(blocking=False):
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{_MOST_WATCHERS} watch already")
            try:
                for answer in _watch(books, request, context):
                    yield answer
                    faults.strike("WatchTransactions", context, after=True)
            finally:
                watchers.release()

    def not_offered(_request: Any, context: grpc.ServicerContext) -> None:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")

    servicer = wire_grpc.AccountingLedgerServiceServicer()
    for name in OPERATIONS:
        offered = watch if name == "WatchTransactions" else unary(name)
        setattr(servicer, name, not_offered if name in without else offered)
    return servicer


def serve(
    books: Books, target: str, *, faults: Faults | None = None, without: Sequence[str] = ()
) -> grpc.Server:
    """Serve on ``host:port``, as a server that never had the operations ``without``.

    Raises RuntimeError where the port is taken.
    """
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=[("grpc.so_reuseport", 0)])
    servicer = _servicer(books, faults or Faults(), without)
    cast(Any, wire_grpc).add_AccountingLedgerServiceServicer_to_server(servicer, server)
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    server.add_insecure_port(target)
    server.start()
    for name in ("", SERVICE, SANDBOX):
        checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server
