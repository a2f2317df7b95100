"""A ledger that does as a test says, over real gRPC: any answer, delay or status, for each of its rpcs.

    with scripted_ledger({"GetBalance": balance("450.00")}) as ledger:
        ...ask ledger.target...
    assert ledger.calls("GetBalance")[0].request.loan_account_id == "L1"

What an rpc does is an answer, an exception made by ``refuses``, a function of the call that gives an
answer, or a list of these, one a call, of which the last stays. An rpc without a script is UNIMPLEMENTED.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Event, Lock
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from app.ledger.wire import accounting_ledger_pb2 as wire
from tests.support.waiting import LONG_S

SERVICE = "billie.ledger.v1.AccountingLedgerService"
_METHODS = wire.DESCRIPTOR.services_by_name["AccountingLedgerService"].methods


@dataclass(frozen=True)
class Call:
    """One that the ledger got."""

    method: str
    request: Any
    metadata: dict[str, str]
    context: grpc.ServicerContext = field(repr=False)


class _RefusalError(Exception):
    def __init__(self, status: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def refuses(status: grpc.StatusCode, message: str = "as the script says") -> Exception:
    """The script of an rpc that ends with this status."""
    return _RefusalError(status, message)


def hangs(call: Call) -> bytes:
    """The script of an rpc that does not answer before its caller has left; after a minute, with nonsense."""
    left = Event()
    if call.context.add_callback(left.set):
        left.wait(LONG_S)
    return b"\xff"


class ScriptedLedger:
    """The servicer of all rpcs, which remembers its calls."""

    def __init__(self, script: Mapping[str, Any]) -> None:
        self.script = dict(script)
        self.target = ""
        self._calls: list[Call] = []
        self._lock = Lock()

    def calls(self, method: str) -> list[Call]:
        """The calls of one rpc, in order."""
        return [call for call in self._calls if call.method == method]

    def handler(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            SERVICE, {method.name: self._rpc(method) for method in _METHODS}
        )

    def _rpc(self, method: Any) -> grpc.RpcMethodHandler:
        make = grpc.unary_stream_rpc_method_handler if method.server_streaming else _unary
        taken = getattr(wire, method.input_type.name)

        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            given = {key: str(value) for key, value in context.invocation_metadata()}
            call = Call(method.name, request, given, context)
            try:
                return self._act(call)
            except _RefusalError as refusal:
                context.abort(refusal.status, refusal.message)

        return make(answer, request_deserializer=taken.FromString, response_serializer=_bytes_of)

    def _act(self, call: Call) -> Any:
        with self._lock:
            number = len(self.calls(call.method))
            self._calls.append(call)
        does = self.script.get(call.method, _NOT_OFFERED)
        if isinstance(does, list):
            does = does[min(number, len(does) - 1)]
        if isinstance(does, Exception):
            raise does
        return does(call) if callable(does) else does


_NOT_OFFERED = refuses(grpc.StatusCode.UNIMPLEMENTED, "not offered")
_unary: Callable[..., grpc.RpcMethodHandler] = grpc.unary_unary_rpc_method_handler


def _bytes_of(answer: Any) -> bytes:
    # A test may answer with bytes that are no message.
    return answer if isinstance(answer, bytes) else answer.SerializeToString()


@contextmanager
def scripted_ledger(
    script: Mapping[str, Any],
    *,
    port: int = 0,
    credentials: grpc.ServerCredentials | None = None,
    healthy: bool = True,
) -> Iterator[ScriptedLedger]:
    """The ledger, on a free port, or on one from which it was gone for a while."""
    ledger, address = ScriptedLedger(script), f"127.0.0.1:{port}"
    with ThreadPoolExecutor(16) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers((ledger.handler(),))
        checks = health.HealthServicer()
        states = health_pb2.HealthCheckResponse
        checks.set("", states.SERVING if healthy else states.NOT_SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
        ledger.target = f"127.0.0.1:{port}"
        server.start()
        try:
            yield ledger
        finally:
            server.stop(None).wait()


def balance(total: str, fees: str = "0.00") -> wire.GetBalanceResponse:
    """The answer of an account that owes this; its principal is what is left."""
    answer = wire.GetBalanceResponse(
        loan_account_id="L1",
        principal_balance=str(Decimal(total) - Decimal(fees)),
        fee_balance=fees,
        total_outstanding=total,
    )
    answer.as_of.FromJsonString("2026-03-06T01:02:03Z")
    return answer


def transaction(number: int, kind: str = "REPAYMENT") -> wire.Transaction:
    """A posting with the id ``T-<number>``, of ten dollars."""
    answer = wire.Transaction(
        transaction_id=f"T-{number}",
        loan_account_id="L1",
        type=wire.TransactionType.Value(kind),
        effective_date="2026-03-06",
        principal_delta="-10.00",
        fee_delta="0.00",
        principal_after="440.00",
        fee_after="0.00",
        total_delta="-10.00",
        total_after="440.00",
        description="A payment",
        reference_type="payment",
        reference_id=f"P-{number}",
        metadata={"channel": "card"},
        created_by="ledger",
        portfolio_entry_id=f"E-{number}",
    )
    answer.transaction_date.FromJsonString("2026-03-06T01:02:03Z")
    answer.created_at.FromJsonString("2026-03-06T01:02:03Z")
    return answer


def posted(number: int = 1, **more: Any) -> wire.TransactionResponse:
    """The answer of a write that posted."""
    return wire.TransactionResponse(transaction=transaction(number), event_id=f"EV-{number}", **more)


def posts(number: int = 1, **more: Any) -> Callable[[Call], wire.TransactionResponse]:
    """The script of a write that posts what it is asked for."""

    def answer(call: Call) -> wire.TransactionResponse:
        response = posted(number, **more)
        response.transaction.loan_account_id = call.request.loan_account_id
        kind = _KINDS.get(call.method) or wire.TransactionType.Name(call.request.fee_type)
        response.transaction.type = wire.TransactionType.Value(kind)
        return response

    return answer


_KINDS = {
    "RecordRepayment": "REPAYMENT",
    "ApplyLateFee": "LATE_FEE",
    "ApplyDishonourFee": "DISHONOUR_FEE",
    "WaiveFee": "FEE_WAIVER",
    "MakeAdjustment": "ADJUSTMENT",
    "WriteOff": "WRITE_OFF",
}
