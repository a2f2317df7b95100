"""A caller's requests run out, and come back with time."""

import pytest

from app.api.auth import callers
from app.api.auth.callers import RateLimits


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    clock = Clock()
    limits = RateLimits(2, 3, clock=clock)
    assert [limits.take("ann") for _ in range(5)] == [0, 0, 0, 0.5, 0.5], "a refused request costs nothing"
    assert limits.take("bob") == 0, "each has their own"
    clock.now += 0.5
    assert [limits.take("ann"), limits.take("ann")] == [0, 0.5]
    clock.now += 3_600
    assert [limits.take("ann") for _ in range(4)] == [0, 0, 0, 0.5], "never more than the burst"


def test_zero_disables_the_limit() -> None:
    limits = RateLimits(0, 1)
    assert not any(limits.take("ann") for _ in range(1_000))


def test_the_limiter_keeps_a_bounded_number_of_recent_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "_MAX_CALLERS", 3)
    limits = RateLimits(1, 1, clock=Clock())
    for caller in ("ann", "bob", "cyd", "ann", "dan"):
        limits.take(caller)
    assert limits.take("ann") > 0
    assert limits.take("cyd") > 0
    assert limits.take("bob") == 0, "forgotten"
