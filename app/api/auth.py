"""Who calls: a bearer token (JWT), with the user in ``sub`` and one role in ``role``."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import jwt
from anyio import to_thread
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.api.problems import ProblemError
from app.runtime.settings import Settings

_SHORTEST_SECRET = 32


class Role(StrEnum):
    """What somebody may do, from least to most."""

    READONLY = "readonly"
    OPERATIONS = "operations"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    """The person or machine behind a request."""

    user: str
    role: Role
    name: str | None = None


class AuthenticationNotConfiguredError(ValueError):
    """The API has no way to check tokens: it must not start."""


def issue_token(settings: Settings, user: str, role: str, hours: float = 8) -> str:
    """A token for development, signed with BILLIE_JWT_SECRET.

    Raises AuthenticationNotConfiguredError without a secret, and ValueError for an unknown role or no user.
    """
    if not user.strip():
        msg = "a token is for somebody: the user is empty"
        raise ValueError(msg)
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "sub": user,
        "role": Role(role).value,
        "iat": now,
        "exp": now + timedelta(hours=hours),
    }
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    return jwt.encode(claims, _secret(settings), algorithm="HS256")


def token_checker(settings: Settings) -> Callable[[str], Awaitable[dict[str, Any]]]:
    """The function that gives a token's claims, or raises jwt.PyJWTError.

    One kind of key, and so its algorithms, is chosen here and not by the token: a shared secret
    (HS256) or the keys at BILLIE_JWKS_URL (RS256, ES256). Raises AuthenticationNotConfiguredError.
    """
    options: Any = {
        "require": ["exp", "sub"],
        "verify_aud": settings.jwt_audience is not None,
        "verify_iss": settings.jwt_issuer is not None,
    }
    expected: dict[str, Any] = {"issuer": settings.jwt_issuer, "audience": settings.jwt_audience}
    if settings.jwks_url:
        keys = jwt.PyJWKClient(settings.jwks_url, cache_keys=True, timeout=5)

        def check_with_key(token: str) -> dict[str, Any]:
            key = keys.get_signing_key_from_jwt(token)
            return jwt.decode(token, key.key, algorithms=["RS256", "ES256"], options=options, **expected)

        async def check(token: str) -> dict[str, Any]:
            # The keys may have to be fetched.
            return await to_thread.run_sync(check_with_key, token)
    else:
        secret = _secret(settings)

        async def check(token: str) -> dict[str, Any]:
            # A hash of a few bytes: it costs less than the way to a thread and back.
            return jwt.decode(token, secret, algorithms=["HS256"], options=options, **expected)

    return check


def _secret(settings: Settings) -> str:
    secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else ""
    if secret and len(secret.encode()) < _SHORTEST_SECRET:
        msg = f"BILLIE_JWT_SECRET is too short: it takes at least {_SHORTEST_SECRET} bytes"
        raise AuthenticationNotConfiguredError(msg)
    if not secret:
        msg = (
            f"Set BILLIE_JWT_SECRET (at least {_SHORTEST_SECRET} bytes) or BILLIE_JWKS_URL: "
            "without one of them nobody's token can be checked"
        )
        raise AuthenticationNotConfiguredError(msg)
    return secret


_bearer = HTTPBearer(auto_error=False, description="A JWT; `billie token` makes one for development.")


async def caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """The caller of this request; 401 without a token that checks, 403 without a role that we know."""
    challenge = {"WWW-Authenticate": "Bearer"}
    if credentials is None:
        raise ProblemError(401, "no_token", "Send 'Authorization: Bearer <token>'.", headers=challenge)
    try:
        claims = await request.app.state.check_token(credentials.credentials)
    except jwt.PyJWTError as error:
        raise ProblemError(
            401, "invalid_token", f"The token does not check: {error}.", headers=challenge
        ) from error
    try:
        role = Role(claims.get("role"))
    except ValueError as error:
        raise ProblemError(403, "no_role", f"The token's role is none of {', '.join(Role)}.") from error
    if not (user := str(claims["sub"]).strip()):
        raise ProblemError(401, "invalid_token", "The token names no user.", headers=challenge)
    name = claims.get("name")
    return Caller(user, role, name.strip() or None if isinstance(name, str) else None)


Authenticated = Depends(caller)


def requires(least: Role) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency that gives the caller; 403 for a role below ``least``."""
    roles = list(Role)

    async def allowed(caller: Annotated[Caller, Authenticated]) -> Caller:
        if roles.index(caller.role) < roles.index(least):
            raise ProblemError(
                403, "role_too_low", f"This takes the role {least} or more; the token has {caller.role}."
            )
        return caller

    return allowed
