"""Waiting for something that another process or thread does."""

from collections.abc import Callable
from threading import Event
from time import monotonic

import pytest

LONG_S = 60.0
"""For what takes milliseconds, unless the machine has hardly any time for it."""


def until(condition: Callable[[], bool], seconds: float = 5 * LONG_S, what: str = "waited") -> None:
    """Look every hundredth of a second; fail the test after so many seconds, saying for ``what``."""
    waiting, ends_at = Event(), monotonic() + seconds
    while not condition():
        if monotonic() > ends_at:
            pytest.fail(f"{what}: not within {seconds:g} s")
        waiting.wait(0.01)
