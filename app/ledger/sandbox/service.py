"""The sandbox's gRPC service. What it does not offer yet answers UNIMPLEMENTED."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from app.ledger.sandbox.books import Books, Posting
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.ledger.wire import accounting_ledger_pb2_grpc as wire_grpc

_SERVICE = "billie.ledger.v1.AccountingLedgerService"
_MOST = 1_000


class SandboxLedger(wire_grpc.AccountingLedgerServiceServicer):
    """Answers from the books."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def GetBalance(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """What is owed now; NOT_FOUND for an account that was never opened."""
        self._known(request.loan_account_id, context)
        principal, fee = self._books.balance(request.loan_account_id)
        answer = wire.GetBalanceResponse(
            loan_account_id=request.loan_account_id,
            principal_balance=_amount(principal),
            fee_balance=_amount(fee),
            total_outstanding=_amount(principal + fee),
        )
        answer.as_of.GetCurrentTime()
        return answer

    def GetTransactions(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """The newest first, by dates (included) and type."""
        self._known(request.loan_account_id, context)
        kind = wire.TransactionType.Name(request.type_filter) if request.HasField("type_filter") else None
        found = [
            posting
            for posting in self._books.postings(request.loan_account_id)
            if (kind is None or posting.kind == kind)
            and (not request.from_date or posting.effective_date >= request.from_date)
            and (not request.to_date or posting.effective_date <= request.to_date)
        ]
        limit = request.limit if request.HasField("limit") and request.limit > 0 else _MOST
        return wire.GetTransactionsResponse(
            loan_account_id=request.loan_account_id,
            transactions=[_transaction(posting) for posting in found[:limit]],
            total_count=len(found),
        )

    def _known(self, loan_account_id: str, context: grpc.ServicerContext) -> None:
        if self._books.agreed(loan_account_id) is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"No account {loan_account_id}")


def serve(books: Books, target: str) -> grpc.Server:
    """Serve on ``host:port``. Raises RuntimeError where the port is taken."""
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    cast(Any, wire_grpc).add_AccountingLedgerServiceServicer_to_server(SandboxLedger(books), server)
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    server.add_insecure_port(target)
    server.start()
    for name in ("", _SERVICE):
        checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server


def _transaction(posting: Posting) -> Any:
    transaction = wire.Transaction(
        transaction_id=f"SBX-{posting.number:08}",
        loan_account_id=posting.loan_account_id,
        type=wire.TransactionType.Value(posting.kind),
        effective_date=posting.effective_date,
        principal_delta=_amount(posting.principal_delta),
        fee_delta=_amount(posting.fee_delta),
        principal_after=_amount(posting.principal_after),
        fee_after=_amount(posting.fee_after),
        total_delta=_amount(posting.principal_delta + posting.fee_delta),
        total_after=_amount(posting.principal_after + posting.fee_after),
        description=posting.kind.replace("_", " ").capitalize(),
        reference_type="message",
        reference_id=posting.reference,
        created_by="sandbox",
    )
    transaction.transaction_date.FromDatetime(posting.created_at)
    transaction.created_at.FromDatetime(posting.created_at)
    return transaction


def _amount(value: Decimal) -> str:
    return f"{value:.2f}"
