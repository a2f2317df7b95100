"""What a process that works through a backlog needs of memory, and how fast it is, tenth by tenth."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

_TENTHS = 10


class Sample(NamedTuple):
    """A look at the process: when, and what it had done, computed, and held of memory by then."""

    seconds: float
    done: int
    cpu_s: float
    mb: float


class _Moment(NamedTuple):
    seconds: float
    cpu_s: float


class Tenth(NamedTuple):
    """A tenth of the backlog: the most that was held while it was worked through, and what an entry took.

    ``rate`` is of entries a second, and depends on what else the machine does; ``cpu_us`` is of the
    process alone.
    """

    percent: int
    mb: float
    rate: float
    cpu_us: float


@dataclass(frozen=True)
class Footprint:
    """Samples of one run, in order, from before the first entry to after the last."""

    samples: Sequence[Sample]
    entries: int

    def tenths(self) -> list[Tenth]:
        """A line for each tenth.

        Memory goes up and down with every batch, so the most of a tenth says more than its end.
        """
        ends = [self._at(self.entries * each / _TENTHS) for each in range(_TENTHS + 1)]
        found = []
        for number, (begun, ended) in enumerate(pairwise(ends), 1):
            entries = self.entries / _TENTHS
            rate = entries / max(ended.seconds - begun.seconds, 1e-9)
            cpu_us = (ended.cpu_s - begun.cpu_s) / entries * 1e6
            found.append(
                Tenth(number * _TENTHS, self._most_between(begun.seconds, ended.seconds), rate, cpu_us)
            )
        return found

    def growth(self, since_percent: int) -> float:
        """The last tenth's memory against that of the tenth that ends at ``since_percent``."""
        tenths = self.tenths()
        return tenths[-1].mb / tenths[since_percent // _TENTHS - 1].mb

    def _at(self, done: float) -> _Moment:
        """When so many were done: between two looks, as if the work had been even."""
        if done == 0:  # The process takes a moment until it begins.
            begin = [sample for sample in self.samples if sample.done == 0][-1]
            return _Moment(begin.seconds, begin.cpu_s)
        for before, after in pairwise(self.samples):
            if before.done < done <= after.done:
                part = (done - before.done) / (after.done - before.done)
                return _Moment(
                    before.seconds + part * (after.seconds - before.seconds),
                    before.cpu_s + part * (after.cpu_s - before.cpu_s),
                )
        msg = f"nobody saw {done:,.0f} entries done"
        raise ValueError(msg)

    def _most_between(self, begun: float, ended: float) -> float:
        """Of the looks within, and those around it: a short tenth may have none of its own."""
        before = [sample for sample in self.samples if sample.seconds <= begun][-1:]
        within = [sample for sample in self.samples if begun < sample.seconds < ended]
        after = [sample for sample in self.samples if sample.seconds >= ended][:1]
        return max(sample.mb for sample in within or before + after)
