"""When a call is let through, and when not."""

import pytest

from app.ledger.client.calls import Breaker
from app.ledger.client.errors import LedgerDownError, LedgerError, LedgerRejectedError, LedgerTimeoutError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(failures=3, rest_seconds=1, clock=clock)


def fail(breaker: Breaker, error: type[LedgerError] = LedgerTimeoutError) -> None:
    with pytest.raises(error), breaker.guard():
        raise error("CODE", "no answer")


def succeed(breaker: Breaker) -> None:
    with breaker.guard():
        pass


def test_the_breaker_opens_after_consecutive_failures(breaker: Breaker) -> None:
    for _ in range(3):
        fail(breaker)

    with pytest.raises(LedgerDownError):
        succeed(breaker)


def test_a_success_in_between_begins_the_count_again(breaker: Breaker) -> None:
    for _ in range(3):
        fail(breaker)
        if breaker.is_closed:
            succeed(breaker)

    assert breaker.is_closed


def test_a_rejection_is_an_answer(breaker: Breaker) -> None:
    fail(breaker)
    fail(breaker)
    for _ in range(10):
        fail(breaker, LedgerRejectedError)
    fail(breaker)

    assert breaker.is_closed


def test_after_its_pause_the_breaker_allows_one_trial_call(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now = 1.0

    with breaker.guard(), pytest.raises(LedgerDownError):
        succeed(breaker)

    succeed(breaker)
    assert breaker.is_closed


def test_a_failed_trial_starts_another_pause(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now = 1.0
    fail(breaker)

    clock.now = 1.9
    with pytest.raises(LedgerDownError):
        succeed(breaker)
    clock.now = 2.0
    succeed(breaker)


def test_a_cancelled_trial_leaves_the_trial_to_the_next_call(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now = 1.0
    with pytest.raises(KeyboardInterrupt), breaker.guard():
        raise KeyboardInterrupt

    succeed(breaker)
    assert breaker.is_closed
