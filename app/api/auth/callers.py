"""Who is behind a token: the user in ``sub``, and a role in the claim that the settings name."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time
from typing import Any, NamedTuple
from unicodedata import category

import jwt

from app.aggregates import Actor, is_machine, machine_id
from app.api.auth.claims import claim_values, is_machine_token, name_of
from app.api.auth.roles import Role
from app.api.auth.tokens import LEEWAY_S, TokenVerifier
from app.api.http.problems import ProblemError
from app.runtime.settings.settings import Settings

_CACHE_S = 10.0
"""How much longer than the issuer's keys a withdrawn key may be trusted."""
_CACHE_SIZE = 1_000
_MAX_CALLERS = 10_000
"""With a rate limit of their own."""
_MAX_USER_LENGTH = 200
_CONTROL_CHARACTERS = ("Cc", "Zl", "Zp")
_TOKEN_ERRORS = (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError)
"""What reading a token raises: before verification, JSON may be too deep, and a number too large."""


class UnauthenticatedError(ProblemError):
    """No token, or an invalid one."""

    def __init__(self, detail: str, code: str = "invalid_token") -> None:
        super().__init__(401, code, detail, headers={"WWW-Authenticate": "Bearer"})


@dataclass(frozen=True)
class Caller:
    """The person or machine behind a request. ``user`` is the id that is stored with what they do.

    A machine's id begins with ``machine:``.
    """

    user: str
    role: Role
    name: str | None = None

    @property
    def is_machine(self) -> bool:
        """A machine does not count where two people are needed."""
        return is_machine(self.user)

    @property
    def actor(self) -> Actor:
        """Who is stored with what they ask for."""
        return Actor(self.user, self.name, self.role.value)


class _Cached(NamedTuple):
    caller: Caller
    until: float
    expiry: float


class Callers:
    """Finds the caller behind a token. Verified tokens are cached for seconds: to verify one costs a read."""

    def __init__(
        self,
        tokens: TokenVerifier,
        settings: Settings,
        *,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], float] = time,
    ) -> None:
        self.tokens, self._settings = tokens, settings
        self._clock, self._now = clock, now
        self._cache: OrderedDict[str, _Cached] = OrderedDict()

    async def of(self, token: str) -> Caller:
        """The caller. Raises UnauthenticatedError for an invalid token, ProblemError (403) without a role."""
        cached = self._cache.get(token)
        if cached is not None and self._clock() < cached.until and self._now() < cached.expiry:
            return cached.caller
        try:
            claims = await self.tokens.claims(token)
        except _TOKEN_ERRORS as error:
            self._cache.pop(token, None)
            reason = error if isinstance(error, jwt.PyJWTError) else "it cannot be read"
            raise UnauthenticatedError(f"The token is invalid: {reason}.") from error
        caller = caller_of(claims, self._settings)
        # PyJWT has verified that the expiry exists and is a number.
        expiry = float(int(claims["exp"]) + LEEWAY_S)
        self._cache[token] = _Cached(caller, self._clock() + _CACHE_S, expiry)
        self._cache.move_to_end(token)
        if len(self._cache) > _CACHE_SIZE:
            self._cache.popitem(last=False)
        return caller


class RateLimits:
    """A token bucket per caller, in this process.

    Each has ``burst`` requests, refilled at ``per_second``; 0 means no limit.
    """

    def __init__(self, per_second: float, burst: int, *, clock: Callable[[], float] = monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Take one request from a caller's bucket. Returns 0, or the seconds to wait if it is empty."""
        if not self._per_second:
            return 0.0
        now = self._clock()
        left, at = self._buckets.pop(caller, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._per_second)
        wait = max(0.0, (1 - left) / self._per_second)
        self._buckets[caller] = (left if wait else left - 1, now)
        if len(self._buckets) > _MAX_CALLERS:
            self._buckets.popitem(last=False)  # The least recent caller: most likely full again.
        return wait


def caller_of(claims: dict[str, Any], settings: Settings) -> Caller:
    """The caller that a verified token names. Raises UnauthenticatedError, or ProblemError (403)."""
    user = str(claims["sub"]).strip()
    if not 1 <= len(user) <= _MAX_USER_LENGTH or any(category(each) in _CONTROL_CHARACTERS for each in user):
        msg = f"The token's `sub` must be 1 to {_MAX_USER_LENGTH} characters on one line."
        raise UnauthenticatedError(msg)
    if is_machine(user):
        raise UnauthenticatedError("The token's `sub` begins with `machine:`, which is reserved.")
    held = claim_values(claims, settings.jwt_role_claim)
    roles = [role for role in Role if role.value in held]
    if not roles:
        msg = f"The token's claim {settings.jwt_role_claim!r} holds none of {', '.join(Role)}."
        raise ProblemError(403, "no_role", msg)
    of_machine = is_machine_token(claims, settings.jwt_machine_claim)
    name = name_of(claims, of_machine=of_machine)
    return Caller(machine_id(user) if of_machine else user, roles[-1], name)
