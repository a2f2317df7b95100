"""What a contender took, run by run, and the ratios that are worth telling."""

import statistics
from dataclasses import dataclass, field
from typing import NamedTuple


class Run(NamedTuple):
    """One run: the time by the clock, the time that process and server computed, the most that it held."""

    events: int
    seconds: float
    cpu_s: float
    peak_mb: float


@dataclass
class Figure:
    """The runs of one contender. All figures are medians but ``peak_mb``, which is the most of any run."""

    runs: list[Run] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Events a second, by the clock."""
        return statistics.median(each.events / each.seconds for each in self.runs)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest rate."""
        rates = [each.events / each.seconds for each in self.runs]
        return min(rates), max(rates)

    @property
    def cpu_us(self) -> float:
        """Microseconds that an event took of the processors, ours and the server's."""
        return statistics.median(each.cpu_s / each.events * 1e6 for each in self.runs)

    @property
    def seconds(self) -> float:
        """By the clock."""
        return statistics.median(each.seconds for each in self.runs)

    @property
    def peak_mb(self) -> float:
        """What the process held at most."""
        return max(each.peak_mb for each in self.runs)


class Ratio(NamedTuple):
    """How many times as fast one is as another: by the clock, and by what was computed."""

    by_clock: float
    by_cpu: float


def times_as_fast(one: Figure, other: Figure) -> Ratio:
    """The median of each round's ratio: what else the machine does changes between rounds."""
    pairs = list(zip(one.runs, other.runs, strict=True))
    return Ratio(
        statistics.median((a.events / a.seconds) / (b.events / b.seconds) for a, b in pairs),
        statistics.median((b.cpu_s / b.events) / (a.cpu_s / a.events) for a, b in pairs),
    )


@dataclass(frozen=True)
class Goal:
    """A ratio that we want to see: at least so much, or at most."""

    text: str
    wanted: float
    at_least: bool

    def line(self, ratio: Ratio) -> str:
        """What came out, and whether the goal was met by the clock."""
        met = ratio.by_clock >= self.wanted if self.at_least else ratio.by_clock <= self.wanted
        sense = "at least" if self.at_least else "at most"
        return (
            f"{self.text:36}{ratio.by_clock:>7.2f} (of CPU {ratio.by_cpu:.2f}); "
            f"goal: {sense} {self.wanted:g}, {'met' if met else 'MISSED'}"
        )
