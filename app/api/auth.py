"""Who calls, and what they may: a bearer token (JWT) names them in ``sub``, and their role in a claim."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from math import ceil
from typing import Annotated, Any
from unicodedata import category

import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.aggregates import is_machine, machine_id
from app.api.claims import claims_of, name_of, tells_a_machine, values_of
from app.api.problems import ProblemError
from app.api.tokens import AuthenticationNotConfiguredError, secret_of
from app.runtime.settings import Settings


class Role(StrEnum):
    """What somebody may do, from least to most."""

    READONLY = "readonly"
    OPERATIONS = "operations"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


_ROLES = list(Role)
LONGEST_USER = 200
_CONTROLS = ("Cc", "Zl", "Zp")

IN_PROCESS = "billie.caller"
"""The key of an ASGI scope under which code of this process says who asks; no client can set one."""


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


def issue_token(
    settings: Settings, user: str, role: str, hours: float = 8, *, for_machine: bool = False
) -> str:
    """A token for development, signed with BILLIE_JWT_SECRET; ``user`` may be a machine's name.

    Raises AuthenticationNotConfiguredError without a secret, and ValueError for an unknown role or no user.
    """
    if settings.jwks_url:
        msg = "Tokens come from the issuer: BILLIE_JWKS_URL is set, and ours would not be accepted"
        raise AuthenticationNotConfiguredError(msg)
    if not user.strip():
        msg = "a token is for somebody: the user is empty"
        raise ValueError(msg)
    if is_machine(user):
        msg = "a user is not named like a machine: leave out 'machine:', and say that it is one"
        raise ValueError(msg)
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        **claims_of(settings.jwt_role_claim, Role(role).value),
        "sub": user,
        "iat": now,
        "exp": now + timedelta(hours=hours),
    }
    if for_machine:
        claims["client_id"] = user
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    return jwt.encode(claims, secret_of(settings), algorithm="HS256")


_bearer = HTTPBearer(auto_error=False, description="A JWT; `billie token` makes one for development.")
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, ArithmeticError, RecursionError)
"""What reading a token raises: JSON may be too deep, and a number too large, before anything is checked."""


async def caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """The caller of this request; 401 without a token that checks, 403 without a role that we know.

    429 where they ask too often.
    """
    known: Caller | None = request.scope.get(IN_PROCESS)
    if known is None:
        known = await _by_token(request, credentials)
    request.state.caller = known
    if wait := request.app.state.rates.wait_of(known.user):
        seconds = ceil(wait)
        raise ProblemError(
            429,
            "too_many_requests",
            f"You ask more often than you may. Ask again in {seconds} s.",
            retryable=True,
            headers={"Retry-After": str(seconds)},
        )
    return known


async def _by_token(request: Request, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    if credentials is None:
        raise ProblemError(401, "no_token", "Send 'Authorization: Bearer <token>'.", headers=_CHALLENGE)
    try:
        claims = await request.app.state.tokens.claims(credentials.credentials)
    except _UNREADABLE as error:
        why = error if isinstance(error, jwt.PyJWTError) else "it cannot be read"
        raise ProblemError(
            401, "invalid_token", f"The token does not check: {why}.", headers=_CHALLENGE
        ) from error
    return caller_of(claims, request.app.state.settings)


def caller_of(claims: dict[str, Any], settings: Settings) -> Caller:
    """Whom the claims of a token that checks are about.

    Raises ProblemError: 401 where they name no user, 403 where they hold no role that we know.
    """
    user = str(claims["sub"]).strip()
    if not 1 <= len(user) <= LONGEST_USER or any(category(each) in _CONTROLS for each in user):
        detail = f"The token names no user of 1 to {LONGEST_USER} characters, on one line."
        raise ProblemError(401, "invalid_token", detail, headers=_CHALLENGE)
    if is_machine(user):
        detail = "The token's user is named as machines are: no token may be."
        raise ProblemError(401, "invalid_token", detail, headers=_CHALLENGE)
    held = values_of(claims, settings.jwt_role_claim)
    roles = [role for role in _ROLES if role.value in held]
    if not roles:
        detail = f"The token's claim {settings.jwt_role_claim!r} holds none of {', '.join(Role)}."
        raise ProblemError(403, "no_role", detail)
    of_machine = tells_a_machine(claims, settings.jwt_machine_claim)
    name = name_of(claims, of_machine=of_machine)
    return Caller(machine_id(user) if of_machine else user, roles[-1], name)


class Requirement:
    """A dependency that gives the caller; 403 for a role below ``least``, or where it takes a person."""

    def __init__(self, least: Role, *, person: bool) -> None:
        self.least, self.person = least, person

    async def __call__(self, caller: Annotated[Caller, Depends(caller)]) -> Caller:
        if _ROLES.index(caller.role) < _ROLES.index(self.least):
            raise ProblemError(
                403,
                "role_too_low",
                f"This takes the role {self.least} or more; the token has {caller.role}.",
            )
        if self.person and caller.is_machine:
            raise takes_a_person()
        return caller


@lru_cache
def requires(least: Role, *, person: bool = False) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency that gives the caller; 403 for a role below ``least``.

    With ``person`` it is for people only: where two of them are needed, a machine counts as none.
    """
    return Requirement(least, person=person)


Authenticated = Depends(requires(Role.READONLY))


def takes_a_person() -> ProblemError:
    """403 for a machine that would count as a person."""
    return ProblemError(403, "takes_a_person", "This takes a person; the token is a machine's.")
