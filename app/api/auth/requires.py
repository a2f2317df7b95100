"""Tokens for development, and what a route requires of its callers: a bearer token (JWT), and a role."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import ceil
from typing import Any

import jwt
from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from fastapi.security.utils import get_authorization_scheme_param

from app.aggregates import is_machine
from app.api.auth.callers import CHALLENGE, RANKS, Caller, Callers, Role
from app.api.auth.claims import claims_of
from app.api.auth.tokens import AuthenticationNotConfiguredError, secret_of
from app.api.http.pages import refuse_unknown_parameters
from app.api.http.problems import ProblemError
from app.runtime.settings.settings import Settings

IN_PROCESS = "billie.caller"
"""The key of an ASGI scope under which code of this process says who asks; no client can set one."""


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


class Requirement(SecurityBase):
    """A dependency that gives the caller, and lets through what they may ask.

    401 without a token that checks, 403 for a role below ``least``, or where it takes a person, 429 where
    they ask too often, 400 for parameters that the route does not have. It is one dependency and not four:
    FastAPI takes 50 us to solve one, a tenth of what a bare read takes.
    """

    scheme_name = "HTTPBearer"
    model = HTTPBearerModel(description="A JWT; `billie token` makes one for development.")

    def __init__(self, least: Role, *, person: bool) -> None:
        self.least, self.person = least, person

    async def __call__(self, request: Request) -> Caller:
        is_first = not hasattr(request.state, "caller")
        if is_first:
            request.state.caller = await _caller(request)
        caller: Caller = request.state.caller
        if RANKS[caller.role] < RANKS[self.least]:
            raise ProblemError(
                403,
                "role_too_low",
                f"This takes the role {self.least} or more; the token has {caller.role}.",
            )
        if self.person and caller.is_machine:
            raise takes_a_person()
        if is_first:
            await refuse_unknown_parameters(request)
        return caller


async def _caller(request: Request) -> Caller:
    caller: Caller | None = request.scope.get(IN_PROCESS)
    if caller is None:
        caller = await _by_token(request)
    if wait := request.app.state.rates.wait_of(caller.user):
        seconds = ceil(wait)
        raise ProblemError(
            429,
            "too_many_requests",
            f"You ask more often than you may. Ask again in {seconds} s.",
            retryable=True,
            headers={"Retry-After": str(seconds)},
        )
    return caller


async def _by_token(request: Request) -> Caller:
    scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
    if scheme.lower() != "bearer" or not token:
        raise ProblemError(401, "no_token", "Send 'Authorization: Bearer <token>'.", headers=CHALLENGE)
    callers: Callers = request.app.state.callers
    return await callers.of(token)


@lru_cache
def requires(least: Role, *, person: bool = False) -> Requirement:
    """A dependency that gives the caller; 403 for a role below ``least``.

    With ``person`` it is for people only: where two of them are needed, a machine counts as none.
    """
    return Requirement(least, person=person)


Authenticated = Depends(requires(Role.READONLY))


def takes_a_person() -> ProblemError:
    """403 for a machine that would count as a person."""
    return ProblemError(403, "takes_a_person", "This takes a person; the token is a machine's.")
