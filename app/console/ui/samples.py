"""What the pipeline page remembers of itself: a number of figures at each look, kept in the page.

A page that is open carries its own past, as text in a hidden field: so any API process can draw the next
picture, and none has to keep anything for those who look.
"""

import re
from itertools import pairwise
from typing import NamedTuple, Self

MOST = 90
"""Looks that are kept: three minutes of them, one each two seconds."""

_WORD = re.compile(r"-?\d{1,15}(?::-?\d{1,15}){7}", re.ASCII)


class Sample(NamedTuple):
    """One look. -1 stands for what is not known: a server is away."""

    at_ms: int
    length: int
    read: int
    """Entries that the group has read, ever."""
    unread: int
    pending: int
    recorded: int
    """The newest position of the event store."""
    projected: int
    """The mean position of the projections."""
    behind: int
    """Of the projection that is farthest behind."""

    def written(self) -> str:
        """As it stands in the page."""
        return ":".join(map(str, self))

    @classmethod
    def of(cls, word: str) -> Self:
        """Of what stands in the page."""
        return cls(*map(int, word.split(":")))


def read(told: str) -> list[Sample]:
    """The samples of a page, oldest first; what is none, or goes back in time, is left out."""
    found: list[Sample] = []
    for word in told.split(" ")[-MOST:]:
        if _WORD.fullmatch(word) and (not found or Sample.of(word).at_ms > found[-1].at_ms):
            found.append(Sample.of(word))
    return found


def written(samples: list[Sample]) -> str:
    """The newest of them, for the page."""
    return " ".join(each.written() for each in samples[-MOST:])


def levels(samples: list[Sample], name: str) -> list[float | None]:
    """A figure at each look."""
    return [None if (value := getattr(each, name)) < 0 else float(value) for each in samples]


def rates(samples: list[Sample], name: str) -> list[float | None]:
    """By how much a figure grew each second, from one look to the next; a fall counts as no growth."""
    return [_rate(before, after, name) for before, after in pairwise(samples)]


def _rate(before: Sample, after: Sample, name: str) -> float | None:
    first: int = getattr(before, name)
    second: int = getattr(after, name)
    if min(first, second) < 0:
        return None
    return max(0.0, (second - first) * 1_000 / (after.at_ms - before.at_ms))
