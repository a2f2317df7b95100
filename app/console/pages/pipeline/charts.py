"""The charts of the pipeline page: its samples, drawn on the server as SVG.

The page itself carries the samples, as text in a hidden field: so any API process can draw the next charts,
and none keeps anything for its viewers.
"""

import re
from itertools import pairwise
from typing import NamedTuple

MAX_SAMPLES = 90
"""Three minutes, at one every two seconds."""

_SAMPLE = re.compile(r"-?\d{1,15}(?::-?\d{1,15}){7}", re.ASCII)


class Sample(NamedTuple):
    """The figures of one status report; -1 is unknown."""

    at_ms: int
    length: int
    read: int
    """Entries that the group has ever read."""
    unread: int
    pending: int
    recorded: int
    """The newest position of the event store."""
    projected: int
    """The mean position of the projections."""
    behind: int
    """Of the slowest projection."""


def loaded(text: str) -> list[Sample]:
    """The samples in a page, oldest first, without any that is malformed or goes back in time."""
    found: list[Sample] = []
    for part in text.split(" ")[-MAX_SAMPLES:]:
        if _SAMPLE.fullmatch(part):
            sample = Sample(*map(int, part.split(":")))
            if not found or sample.at_ms > found[-1].at_ms:
                found.append(sample)
    return found


def dumped(samples: list[Sample]) -> str:
    """The newest samples as the page carries them."""
    return " ".join(":".join(map(str, each)) for each in samples[-MAX_SAMPLES:])


def levels(samples: list[Sample], name: str) -> list[float | None]:
    """A figure in each sample."""
    return [None if value < 0 else float(value) for value in _column(samples, name)]


def rates(samples: list[Sample], name: str) -> list[float | None]:
    """The growth of a figure per second between samples; a fall counts as none."""
    values, times = _column(samples, name), _column(samples, "at_ms")
    return [
        None if min(before, after) < 0 else max(0.0, (after - before) * 1_000 / (end - start))
        for (before, after), (start, end) in zip(pairwise(values), pairwise(times), strict=True)
    ]


def _column(samples: list[Sample], name: str) -> list[int]:
    at = Sample._fields.index(name)
    return [each[at] for each in samples]


WIDTH, HEIGHT = 220, 44
_EDGE = 2


class Chart(NamedTuple):
    """A line of figures with gaps where they are unknown; ``description`` is for screen readers."""

    title: str
    now: str
    lines: list[str]
    description: str
    caption: str


def chart(title: str, figures: list[float | None], seconds: float, caption: str, *, unit: str = "") -> Chart:
    """A chart of figures at even intervals, the latest at the right; its axis starts at zero."""
    known = [each for each in figures if each is not None]
    top = max([*known, 1.0])
    latest = figures[-1] if figures else None
    now = "–" if latest is None else f"{number(latest)}{unit}"
    if known:
        lowest, highest = number(min(known)), number(max(known))
        description = f"{title}: {now} now, between {lowest} and {highest} in {seconds:.0f} s"
    else:
        description = f"{title}: unknown"
    step = (WIDTH - 2 * _EDGE) / max(1, len(figures) - 1)
    points = [
        None if each is None else (_EDGE + step * at, HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * each / top)
        for at, each in enumerate(figures)
    ]
    return Chart(title, now, _lines(points), description, caption)


def number(value: float) -> str:
    """``1,234``; a fraction below ten keeps one decimal."""
    return f"{value:,.1f}" if value < 10 and value != int(value) else f"{value:,.0f}"


def _lines(points: list[tuple[float, float] | None]) -> list[str]:
    lines: list[list[str]] = [[]]
    for point in points:
        if point is None:
            lines.append([])
        else:
            lines[-1].append(f"{point[0]:.1f},{point[1]:.1f}")
    return [" ".join(each) for each in lines if len(each) > 1]
