"""Verifies a JWT's signature, algorithm, issuer, audience and expiry."""

from typing import Any
from urllib.parse import urlsplit

import jwt

from app.api.auth.development_tokens import AuthenticationNotConfiguredError, shared_secret
from app.api.auth.issuer_keys import ALGORITHMS, IssuerKeys
from app.runtime.settings.loopback import is_local
from app.runtime.settings.settings import Settings

LEEWAY_S = 5
"""How far our clock and the issuer's may differ."""


class TokenVerifier:
    """Gives a token's claims. The settings choose the key and its algorithm, never the token.

    The keys are those at BILLIE_JWKS_URL (RS256 or ES256, as the key says). Without it, it is a shared secret
    (HS256): for development, where the verifier of tokens may also make them.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises AuthenticationNotConfiguredError if no token could be verified safely."""
        self._rules = _rules(settings)
        self._keys: IssuerKeys | None = None
        if not settings.jwks_url:
            self._secret = shared_secret(settings)
            return
        for variable, value in (
            ("BILLIE_JWT_ISSUER", settings.jwt_issuer),
            ("BILLIE_JWT_AUDIENCE", settings.jwt_audience),
        ):
            if not value:
                msg = f"BILLIE_JWKS_URL takes {variable} too: the issuer signs tokens for others"
                raise AuthenticationNotConfiguredError(msg)
        if not is_safe(settings.jwks_url):  # Over plain HTTP, an attacker could replace the keys.
            msg = "BILLIE_JWKS_URL must begin with https://, unless it is on this machine"
            raise AuthenticationNotConfiguredError(msg)
        self._keys = IssuerKeys(
            settings.jwks_url,
            refresh_s=settings.jwks_refresh_seconds,
            pause_s=settings.jwks_pause_seconds,
            outage_s=settings.jwks_outage_hours * 3_600,
        )

    async def claims(self, token: str) -> dict[str, Any]:
        """Raises jwt.PyJWTError for an invalid token, SigningKeysUnavailableError without keys."""
        if self._keys is None:
            return jwt.decode(token, self._secret, algorithms=["HS256"], **self._rules)
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError(f"Its algorithm is none of {', '.join(ALGORITHMS)}")
        key = await self._keys.key(header.get("kid"), algorithm)
        return jwt.decode(token, key, algorithms=[key.algorithm_name], **self._rules)

    async def ready(self) -> None:
        """Raises SigningKeysUnavailableError if no token could be verified."""
        if self._keys is not None:
            await self._keys.ready()


def _rules(settings: Settings) -> dict[str, Any]:
    return {
        "issuer": settings.jwt_issuer or None,
        "audience": settings.jwt_audience or None,
        "leeway": LEEWAY_S,
        "options": {
            "require": ["exp", "sub"],
            "verify_aud": bool(settings.jwt_audience),
            "verify_iss": bool(settings.jwt_issuer),
            "enforce_minimum_key_length": True,
        },
    }


def is_safe(url: object) -> bool:
    """Whether it is a URL whose connection is encrypted, or stays on this machine."""
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_local(host)))
