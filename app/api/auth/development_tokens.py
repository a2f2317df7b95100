"""Tokens for development: signed with BILLIE_JWT_SECRET, with which the API verifies them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from app.api.auth.claims import claims_with
from app.api.auth.roles import Role
from app.errors import ConfigurationError, UsageError
from app.runtime.settings.settings import Settings

_MIN_SECRET_BYTES = 32


class AuthenticationNotConfiguredError(ConfigurationError):
    """The API has no safe way to verify tokens: it must not start."""


def issue_token(
    settings: Settings, user: str, role: str, hours: float = 8, *, for_machine: bool = False
) -> str:
    """A token for a user, or for the machine ``user``.

    Raises AuthenticationNotConfiguredError without a secret, UsageError for a user that it cannot name.
    """
    if settings.jwks_url:
        msg = "BILLIE_JWKS_URL is set: tokens come from the issuer, and ours would be rejected"
        raise AuthenticationNotConfiguredError(msg)
    if not user.strip():
        raise UsageError("the user is empty")
    if user.strip().casefold().startswith("machine:"):  # The API rejects it too, in any spelling.
        raise UsageError("'machine:' is reserved: leave it out, and use --machine")
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        **claims_with(settings.jwt_role_claim, Role(role).value),
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
    return jwt.encode(claims, shared_secret(settings), algorithm="HS256")


def shared_secret(settings: Settings) -> str:
    """BILLIE_JWT_SECRET. Raises AuthenticationNotConfiguredError if it is missing or too short."""
    secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else ""
    if not secret:
        raise AuthenticationNotConfiguredError(
            f"Set BILLIE_JWT_SECRET (at least {_MIN_SECRET_BYTES} bytes) or BILLIE_JWKS_URL: "
            "without one of them no token can be verified"
        )
    if len(secret.encode()) < _MIN_SECRET_BYTES:
        msg = f"BILLIE_JWT_SECRET is too short: it takes at least {_MIN_SECRET_BYTES} bytes"
        raise AuthenticationNotConfiguredError(msg)
    return secret
