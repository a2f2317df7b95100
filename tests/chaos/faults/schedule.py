"""When which fault strikes what, for how long: all of it follows from a seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

ROUND_S = 56.0
"""The first round has each fault on each target once in so many seconds: it is all of the short form."""
_LATER_ROUNDS_TAKE = 2.5
_LATER_FAULTS_TAKE = (1, 2, 4, 8)


class Kind(StrEnum):
    """Of a fault, as the table names it."""

    KILL = "kill -9"
    STOP = "SIGSTOP"
    DROP = "connections dropped"
    SLOW = "connections slow"
    CUT = "connections cut silently"
    FULL = "disk full"
    LOCK = "store locked"
    CLOCK = "clock jumps"


_SECONDS = {
    Kind.KILL: (0.0, 0.8),
    Kind.STOP: (0.3, 3.0),
    Kind.DROP: (0.1, 1.5),
    Kind.SLOW: (1.0, 3.0),
    Kind.CUT: (0.3, 2.0),
    Kind.FULL: (1.0, 3.0),
    Kind.LOCK: (0.5, 2.5),
    Kind.CLOCK: (1.5, 4.0),
}
JUMPS_S = (-6 * 3_600, -3_600, -90, -5, 5, 90, 3_600, 6 * 3_600)
"""Of a clock. Less than the hour by which the ledger keeps a key longer than we use it, or far from it."""


@dataclass(frozen=True)
class Strike:
    """One fault. ``jump_s``: of a clock, until it is set right."""

    at_s: float
    kind: Kind
    target: str
    seconds: float
    jump_s: int = 0


def schedule(seed: int, minutes: float, targets: Mapping[Kind, Sequence[str]]) -> list[Strike]:
    """All strikes of so many minutes, by time. A target is struck by one fault at a time.

    A longer schedule of a seed begins as a shorter one.
    """
    strikes: list[Strike] = []
    free: dict[str, float] = {}
    for at_s, kind, target, seconds, jump_s in _draw(Random(seed), targets):
        if at_s >= minutes * 60:
            return sorted(strikes, key=lambda strike: strike.at_s)
        begins = max(at_s, free.get(target, 0.0))
        free[target] = begins + seconds + 0.5
        strikes.append(Strike(begins, kind, target, seconds, jump_s))
    raise AssertionError("unreachable: it is drawn for ever")


def _draw(
    chance: Random, targets: Mapping[Kind, Sequence[str]]
) -> Iterator[tuple[float, Kind, str, float, int]]:
    pairs = [(kind, target) for kind, names in targets.items() for target in names]
    begins, takes, longer = 0.0, ROUND_S, (1,)
    while True:
        chance.shuffle(pairs)
        gap = takes / len(pairs)
        for number, (kind, target) in enumerate(pairs):
            at_s = begins + (number + chance.uniform(0, 0.9)) * gap
            seconds = chance.uniform(*_SECONDS[kind]) * chance.choice(longer)
            yield at_s, kind, target, seconds, chance.choice(JUMPS_S) if kind is Kind.CLOCK else 0
        begins, takes, longer = begins + takes, ROUND_S * _LATER_ROUNDS_TAKE, _LATER_FAULTS_TAKE
