"""Who is behind a token: remembered for seconds, and never beyond the token's own end."""

import asyncio
from typing import Any

import jwt
import pytest

from app.api.auth.callers import Callers
from app.api.auth.roles import Role
from app.errors import BillieError
from app.runtime.settings.settings import Settings

_EXPIRY = 1_000_000


class Checker:
    """Knows tokens by heart, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.known = {"good": {"sub": "alex", "role": "operations", "exp": _EXPIRY}}

    async def claims(self, token: str) -> dict[str, Any]:
        self.asked += 1
        if token not in self.known:
            msg = "unknown"
            raise jwt.InvalidTokenError(msg)
        return self.known[token]

    async def ready(self) -> None:
        pass


class Clocks:
    """One that is set by nobody, and one that tells the time of day."""

    def __init__(self) -> None:
        self.running, self.day = 0.0, float(_EXPIRY - 60)

    def pass_by(self, seconds: float) -> None:
        self.running += seconds
        self.day += seconds


@pytest.fixture
def checker() -> Checker:
    return Checker()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def callers(checker: Checker, clocks: Clocks) -> Callers:
    return Callers(checker, Settings(), clock=lambda: clocks.running, now=lambda: clocks.day)


def refused(callers: Callers, token: str) -> int:
    with pytest.raises(BillieError) as raised:
        asyncio.run(callers.of(token))
    return raised.value.status


def test_a_token_is_checked_once_in_ten_seconds(callers: Callers, checker: Checker, clocks: Clocks) -> None:
    first = asyncio.run(callers.of("good"))
    clocks.pass_by(9.9)
    assert asyncio.run(callers.of("good")) == first
    assert (first.user, first.role, checker.asked) == ("alex", Role.OPERATIONS, 1)
    clocks.pass_by(0.1)
    asyncio.run(callers.of("good"))
    assert checker.asked == 2


def test_a_revoked_token_is_trusted_for_at_most_the_cache_time(
    callers: Callers, checker: Checker, clocks: Clocks
) -> None:
    asyncio.run(callers.of("good"))
    checker.known.clear()
    asyncio.run(callers.of("good"))
    clocks.pass_by(10)
    assert refused(callers, "good") == 401
    assert refused(callers, "good") == 401
    assert checker.asked == 3


def test_a_cached_token_expires_on_time(callers: Callers, checker: Checker, clocks: Clocks) -> None:
    clocks.pass_by(60)
    asyncio.run(callers.of("good"))
    clocks.pass_by(5)  # The clocks of the issuer and of us may differ by as much.
    checker.known.clear()
    assert refused(callers, "good") == 401


def test_setting_the_clock_back_extends_no_token(callers: Callers, checker: Checker, clocks: Clocks) -> None:
    asyncio.run(callers.of("good"))
    clocks.running += 10
    clocks.day -= 3_600
    asyncio.run(callers.of("good"))
    assert checker.asked == 2


def test_refused_tokens_are_not_remembered(callers: Callers, checker: Checker) -> None:
    assert [refused(callers, "bad") for _ in range(3)] == [401] * 3
    assert checker.asked == 3


def test_a_token_without_a_role_is_refused_each_time(callers: Callers, checker: Checker) -> None:
    checker.known["good"]["role"] = "king"
    assert [refused(callers, "good") for _ in range(2)] == [403] * 2


def test_at_most_a_thousand_tokens_are_cached(callers: Callers, checker: Checker) -> None:
    checker.known |= {f"t{number}": checker.known["good"] for number in range(1_001)}

    async def ask(*numbers: int) -> None:
        for number in numbers:
            await callers.of(f"t{number}")

    asyncio.run(ask(*range(1_001)))
    asyncio.run(ask(1_000, 1))
    assert checker.asked == 1_001
    asyncio.run(ask(0))
    assert checker.asked == 1_002
