"""Who is behind a token, and what they may: its claims name them in ``sub``, and their role in a claim."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic, time
from typing import Any, NamedTuple
from unicodedata import category

import jwt

from app.aggregates import Actor, is_machine, machine_id
from app.api.auth.claims import name_of, tells_a_machine, values_of
from app.api.auth.tokens import LEEWAY_S, TokenChecker
from app.api.http.problems import ProblemError
from app.runtime.settings.settings import Settings

CHALLENGE = {"WWW-Authenticate": "Bearer"}

_BELIEVED_FOR_S = 10.0
"""By so much at most a key that the issuer took back is trusted longer than the keys themselves are kept."""
_MOST_REMEMBERED = 1_000
_LONGEST_USER = 200
_CONTROLS = ("Cc", "Zl", "Zp")
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError)
"""What reading a token raises: JSON may be too deep, and a number too large, before anything is checked."""


class Role(StrEnum):
    """What somebody may do, from least to most."""

    READONLY = "readonly"
    OPERATIONS = "operations"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


RANKS = {role: rank for rank, role in enumerate(Role)}
"""How much each role may do: what a role may, each of a higher rank may too."""


@dataclass(frozen=True)
class Caller:
    """The person or machine behind a request. ``user`` is the id that is stored with what they do.

    A machine's begins with ``machine:``, wherever it stands.
    """

    user: str
    role: Role
    name: str | None = None

    @property
    def is_machine(self) -> bool:
        """Whether there is no person behind it: then it counts as none where two are needed."""
        return is_machine(self.user)

    @property
    def actor(self) -> Actor:
        """Who is stored with what they ask for."""
        return Actor(self.user, self.name, self.role.value)


class _Known(NamedTuple):
    """A caller whose token was checked; when it is to be checked again, and when it ends."""

    caller: Caller
    asked_again: float
    expiry: float


class Callers:
    """Tells who is behind a token, and remembers it for seconds: to check a token takes as long as a read."""

    def __init__(
        self,
        tokens: TokenChecker,
        settings: Settings,
        *,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], float] = time,
    ) -> None:
        self._tokens, self._settings = tokens, settings
        self._clock, self._now = clock, now
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def of(self, token: str) -> Caller:
        """The caller. Raises ProblemError: 401 where the token does not check, 403 where it has no role."""
        known = self._known.get(token)
        if known is not None and self._clock() < known.asked_again and self._now() < known.expiry:
            return known.caller
        try:
            claims = await self._tokens.claims(token)
        except _UNREADABLE as error:
            self._known.pop(token, None)
            why = error if isinstance(error, jwt.PyJWTError) else "it cannot be read"
            detail = f"The token does not check: {why}."
            raise ProblemError(401, "invalid_token", detail, headers=CHALLENGE) from error
        caller = caller_of(claims, self._settings)
        # PyJWT has seen to it that there is an expiry, and that it is a number.
        expiry = float(int(claims["exp"]) + LEEWAY_S)
        self._known[token] = _Known(caller, self._clock() + _BELIEVED_FOR_S, expiry)
        self._known.move_to_end(token)
        if len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
        return caller


def caller_of(claims: dict[str, Any], settings: Settings) -> Caller:
    """Whom the claims of a token that checks are about.

    Raises ProblemError: 401 where they name no user, 403 where they hold no role that we know.
    """
    user = str(claims["sub"]).strip()
    if not 1 <= len(user) <= _LONGEST_USER or any(category(each) in _CONTROLS for each in user):
        detail = f"The token names no user of 1 to {_LONGEST_USER} characters, on one line."
        raise ProblemError(401, "invalid_token", detail, headers=CHALLENGE)
    if is_machine(user):
        detail = "The token's user is named as machines are: no token may be."
        raise ProblemError(401, "invalid_token", detail, headers=CHALLENGE)
    held = values_of(claims, settings.jwt_role_claim)
    roles = [role for role in Role if role.value in held]
    if not roles:
        detail = f"The token's claim {settings.jwt_role_claim!r} holds none of {', '.join(Role)}."
        raise ProblemError(403, "no_role", detail)
    of_machine = tells_a_machine(claims, settings.jwt_machine_claim)
    name = name_of(claims, of_machine=of_machine)
    return Caller(machine_id(user) if of_machine else user, roles[-1], name)
