"""Tokens for development, signed with BILLIE_JWT_SECRET."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from app.aggregates import is_machine
from app.api.auth.claims import claims_with
from app.api.auth.roles import Role
from app.api.auth.tokens import AuthenticationNotConfiguredError, shared_secret
from app.runtime.settings.settings import Settings


def issue_token(
    settings: Settings, user: str, role: str, hours: float = 8, *, for_machine: bool = False
) -> str:
    """A token for a user, or for the machine ``user``.

    Raises AuthenticationNotConfiguredError without a secret, ValueError for an unknown role or no user.
    """
    if settings.jwks_url:
        msg = "BILLIE_JWKS_URL is set: tokens come from the issuer, and ours would be rejected"
        raise AuthenticationNotConfiguredError(msg)
    if not user.strip():
        msg = "the user is empty"
        raise ValueError(msg)
    if is_machine(user):
        msg = "'machine:' is reserved: leave it out, and use --machine"
        raise ValueError(msg)
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
