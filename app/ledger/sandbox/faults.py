"""Faults on demand: what can go wrong between a caller and the ledger.

Only the sandbox's owner makes them (``billie ledger-sandbox --fault``, or a test), never what a caller sends.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from threading import Event, Lock

import grpc

from app.errors import UsageError
from app.ledger.client.channel import SERVICE
from app.ledger.wire import accounting_ledger_pb2 as wire

OPERATIONS = tuple(each.name for each in wire.DESCRIPTOR.services_by_name[SERVICE.rpartition(".")[2]].methods)
"""Every rpc of the service."""

ANY = "*"
_LONGEST_S = 3_600.0


class FaultKind(StrEnum):
    """What happens to a call (docs/ledger-sandbox.md)."""

    DELAY = "delay"
    UNAVAILABLE = "unavailable"
    REJECT = "reject"
    HANG = "hang"
    DROP_AFTER_COMMIT = "drop-after-commit"
    HANG_AFTER_COMMIT = "hang-after-commit"


_AFTER = (FaultKind.DROP_AFTER_COMMIT, FaultKind.HANG_AFTER_COMMIT)
_HANGS = (FaultKind.HANG, FaultKind.HANG_AFTER_COMMIT)
_ENDS_WITH = {
    FaultKind.UNAVAILABLE: (grpc.StatusCode.UNAVAILABLE, "Unavailable on demand (sandbox fault)"),
    FaultKind.REJECT: (grpc.StatusCode.FAILED_PRECONDITION, "Rejected on demand (sandbox fault)"),
    FaultKind.DROP_AFTER_COMMIT: (grpc.StatusCode.UNAVAILABLE, "Socket closed (sandbox fault)"),
}


class FaultSyntaxError(UsageError):
    """The text describes no fault."""


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
        """``seed`` is that of the dice for rules with a probability."""
        self._chance, self._lock = Random(seed), Lock()
        self._rules: list[_Rule] = []
        self.fired = 0
        """How often a rule has made a call fail, or wait."""

    def add(
        self,
        operation: str,
        kind: FaultKind | str,
        *,
        probability: float = 1.0,
        times: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Have calls of an operation (its rpc's name, or ``*``) fail, ``times`` times or until :meth:`clear`.

        ``seconds`` is the delay. Raises FaultSyntaxError for an unknown operation or kind.
        """
        if operation not in (*OPERATIONS, ANY):
            msg = f"no operation {operation!r}; known are {', '.join(OPERATIONS)}, and {ANY} for all"
            raise FaultSyntaxError(msg)
        if kind not in list(FaultKind):
            raise FaultSyntaxError(f"no fault {str(kind)!r}; known are {', '.join(FaultKind)}")
        if not (0 < probability <= 1 and 0 <= seconds <= _LONGEST_S):
            msg = "a probability is above 0 and at most 1, a delay from 0 seconds to an hour"
            raise FaultSyntaxError(msg)
        with self._lock:
            self._rules.append(_Rule(operation, FaultKind(kind), probability, times, seconds))

    def add_text(self, text: str) -> None:
        """``OPERATION:KIND[:PROBABILITY]``; a delay is ``delay=SECONDS``. Raises FaultSyntaxError."""
        operation, _, rest = text.partition(":")
        kind, _, odds = rest.partition(":")
        name, _, seconds = kind.partition("=")
        try:
            probability, delay = float(odds or 1), float(seconds or 0)
        except ValueError as error:
            msg = f"{text!r} is no fault; one looks like RecordRepayment:drop-after-commit:0.2"
            raise FaultSyntaxError(msg) from error
        if (name == FaultKind.DELAY) != bool(seconds):
            raise FaultSyntaxError("only a delay has seconds: GetBalance:delay=0.5")
        self.add(operation, name, probability=probability, seconds=delay)

    def clear(self) -> None:
        """No more faults; calls that hang keep hanging."""
        self._rules = []

    def draw(self, operation: str, *, after: bool) -> _Rule | None:
        """The first rule that applies now, before or after the call is carried out."""
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
                    self.fired += 1
                    return rule
        return None

    def strike(self, operation: str, context: grpc.ServicerContext, *, after: bool) -> None:
        """Do to a call what the rules demand, before or after it is carried out."""
        rule = self.draw(operation, after=after)
        if rule is None:
            return
        if rule.kind in _ENDS_WITH:
            context.abort(*_ENDS_WITH[rule.kind])
        gave_up = Event()
        if context.add_callback(gave_up.set):
            gave_up.wait(None if rule.kind in _HANGS else rule.seconds)
        if rule.kind in _HANGS:
            context.abort(grpc.StatusCode.CANCELLED, "The caller gave up (sandbox fault)")
