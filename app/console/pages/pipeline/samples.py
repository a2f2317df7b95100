"""The pipeline page's samples: the page itself carries them, as text in a hidden field.

So any API process can draw the next charts, and none keeps anything for its viewers.
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
