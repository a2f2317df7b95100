"""Faults on demand: what can go wrong between a caller and the ledger, made to happen.

Only in the sandbox, only by its owner's hand (``billie ledger-sandbox --fault``, or a test's own object), and
never by anything that a caller sends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from threading import Event, Lock
from typing import Any

import grpc

from app.ledger.client.channel import SERVICE
from app.ledger.wire import accounting_ledger_pb2 as wire

OPERATIONS = tuple(each.name for each in wire.DESCRIPTOR.services_by_name[SERVICE.rpartition(".")[2]].methods)
"""Every rpc of the service."""

ANY = "*"
_LONGEST_S = 3_600.0


class FaultKind(StrEnum):
    """What happens to a call."""

    DELAY = "delay"
    """It is answered, so many seconds later."""
    UNAVAILABLE = "unavailable"
    """Nothing is done; UNAVAILABLE."""
    REJECT = "reject"
    """Nothing is done; FAILED_PRECONDITION."""
    HANG = "hang"
    """Nothing is done, and nothing answered: the caller's deadline ends it."""
    DROP_AFTER_COMMIT = "drop-after-commit"
    """It is done, and the answer is lost: UNAVAILABLE, as a broken connection looks to a caller."""
    HANG_AFTER_COMMIT = "hang-after-commit"
    """It is done, and nothing answered: the caller's deadline ends it."""


_AFTER = (FaultKind.DROP_AFTER_COMMIT, FaultKind.HANG_AFTER_COMMIT)


class FaultSyntaxError(ValueError):
    """A fault written as no fault is."""


@dataclass
class _Rule:
    operation: str
    kind: FaultKind
    probability: float
    times: int | None
    seconds: float


class Faults:
    """The rules of one server; none at first. Safe to change while it serves."""

    def __init__(self, seed: int = 0) -> None:
        """``seed`` of the dice that rules with a probability throw."""
        self._chance, self._lock = Random(seed), Lock()
        self._rules: list[_Rule] = []
        self._fired = 0

    def add(
        self,
        operation: str,
        kind: FaultKind | str,
        *,
        probability: float = 1.0,
        times: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Have calls of an operation (its rpc's name, or ``*``) fail; ``times`` None: until :meth:`clear`.

        ``seconds`` is the delay. Raises FaultSyntaxError for an operation or kind that there is not.
        """
        if operation not in (*OPERATIONS, ANY):
            msg = f"no operation {operation!r}; there are {', '.join(OPERATIONS)}, and {ANY} for all"
            raise FaultSyntaxError(msg)
        try:
            known = FaultKind(kind)
        except ValueError as error:
            msg = f"no fault {str(kind)!r}; there are {', '.join(FaultKind)}"
            raise FaultSyntaxError(msg) from error
        if not (0 < probability <= 1 and 0 <= seconds <= _LONGEST_S):
            msg = "a probability is above 0 and at most 1, a delay from 0 seconds to an hour"
            raise FaultSyntaxError(msg)
        with self._lock:
            self._rules.append(_Rule(operation, known, probability, times, seconds))

    def add_text(self, text: str) -> None:
        """``OPERATION:KIND``, ``OPERATION:KIND:PROBABILITY``; a delay is ``delay=SECONDS``.

        Raises FaultSyntaxError.
        """
        operation, _, rest = text.partition(":")
        kind, _, odds = rest.partition(":")
        name, _, seconds = kind.partition("=")
        try:
            probability, delay = float(odds or 1), float(seconds or 0)
        except ValueError as error:
            msg = f"{text!r} is no fault; one looks like RecordRepayment:drop-after-commit:0.2"
            raise FaultSyntaxError(msg) from error
        if (name == FaultKind.DELAY) != bool(seconds):
            msg = "a delay, and nothing else, has seconds: GetBalance:delay=0.5"
            raise FaultSyntaxError(msg)
        self.add(operation, name, probability=probability, seconds=delay)

    def clear(self) -> None:
        """No more faults; calls that hang go on hanging."""
        with self._lock:
            self._rules.clear()

    @property
    def fired(self) -> int:
        """How often a rule has made a call fail, or wait."""
        with self._lock:
            return self._fired

    def draw(self, operation: str, *, after: bool) -> _Rule | None:
        """The first rule that strikes now, before or after the call is carried out."""
        with self._lock:
            for rule in self._rules:
                if (
                    rule.operation in (operation, ANY)
                    and (rule.kind in _AFTER) == after
                    and rule.times != 0
                    and self._chance.random() < rule.probability
                ):
                    if rule.times is not None:
                        rule.times -= 1
                    self._fired += 1
                    return rule
        return None


class FaultyCalls(grpc.ServerInterceptor):  # type: ignore[misc]
    """Carries out the rules around each call, and hides the operations that a server is to be without."""

    def __init__(self, faults: Faults, without: Sequence[str] = ()) -> None:
        self._faults, self._without = faults, frozenset(without)

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Part of gRPC's interface. No handler means UNIMPLEMENTED, as of a server that never had it."""
        service, _, name = details.method.rpartition("/")
        if service != f"/{SERVICE}":
            return continuation(details)
        if name in self._without:
            return None
        handler = continuation(details)
        if handler is None:
            return None
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(name, handler.unary_stream),
                handler.request_deserializer,
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._call(name, handler.unary_unary), handler.request_deserializer, handler.response_serializer
        )

    def _call(self, name: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            self._strike(name, context, after=False)
            answer = behaviour(request, context)
            self._strike(name, context, after=True)
            return answer

        return call

    def _stream(self, name: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            self._strike(name, context, after=False)
            for answer in behaviour(request, context):
                yield answer
                self._strike(name, context, after=True)

        return call

    def _strike(self, name: str, context: grpc.ServicerContext, *, after: bool) -> None:
        rule = self._faults.draw(name, after=after)
        if rule is None:
            return
        match rule.kind:
            case FaultKind.DELAY:
                _wait(context, rule.seconds)
            case FaultKind.REJECT:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "Rejected on demand (sandbox fault)")
            case FaultKind.UNAVAILABLE:
                context.abort(grpc.StatusCode.UNAVAILABLE, "Unavailable on demand (sandbox fault)")
            case FaultKind.DROP_AFTER_COMMIT:
                context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed (sandbox fault)")
            case _:
                _wait(context, None)
                context.abort(grpc.StatusCode.CANCELLED, "The caller gave up (sandbox fault)")


def _wait(context: grpc.ServicerContext, seconds: float | None) -> None:
    """Until then, or until the caller gives up."""
    gave_up = Event()
    if context.add_callback(gave_up.set):
        gave_up.wait(seconds)
