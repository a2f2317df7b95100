"""Waiting for something that another process or thread does."""

from collections.abc import Callable
from threading import Event

import pytest


def until(condition: Callable[[], bool]) -> None:
    """Look every hundredth of a second; fail the test after 30 s."""
    waiting = Event()
    for _ in range(3_000):
        if condition():
            return
        waiting.wait(0.01)
    pytest.fail("waited for 30 s in vain")
