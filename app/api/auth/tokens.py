"""Verifies a JWT's signature, algorithm, issuer, audience and expiry."""

from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt

from app.api.auth.development_tokens import AuthenticationNotConfiguredError, shared_secret
from app.api.auth.issuer_keys import ALGORITHMS, IssuerKeys
from app.runtime.settings.loopback import is_local
from app.runtime.settings.settings import Settings

LEEWAY_S = 5
"""How far our clock and the issuer's may differ."""


class TokenVerifier(Protocol):
    """Gives a token's claims. The settings choose the key and its algorithm, never the token."""

    async def claims(self, token: str) -> dict[str, Any]:
        """Raises jwt.PyJWTError for an invalid token, SigningKeysUnavailableError without keys."""

    async def ready(self) -> None:
        """Raises SigningKeysUnavailableError if no token could be verified."""


def token_verifier(settings: Settings) -> TokenVerifier:
    """By the keys at BILLIE_JWKS_URL, or by a shared secret. Raises AuthenticationNotConfiguredError."""
    return _IssuerVerifier(settings) if settings.jwks_url else _SecretVerifier(settings)


class _SecretVerifier:
    """HS256: for development, where the verifier of tokens may also make them."""

    def __init__(self, settings: Settings) -> None:
        self._secret, self._rules = shared_secret(settings), _rules(settings)

    async def claims(self, token: str) -> dict[str, Any]:
        return jwt.decode(token, self._secret, algorithms=["HS256"], **self._rules)

    async def ready(self) -> None:
        pass


class _IssuerVerifier:
    """RS256 or ES256, as the key says, not the token."""

    def __init__(self, settings: Settings) -> None:
        assert settings.jwks_url is not None
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
        self._rules = _rules(settings)
        self._keys = IssuerKeys(
            settings.jwks_url,
            refresh_s=settings.jwks_refresh_seconds,
            pause_s=settings.jwks_pause_seconds,
            outage_s=settings.jwks_outage_hours * 3_600,
        )

    async def claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError(f"Its algorithm is none of {', '.join(ALGORITHMS)}")
        key = await self._keys.key(header.get("kid"), algorithm)
        return jwt.decode(token, key, algorithms=[key.algorithm_name], **self._rules)

    async def ready(self) -> None:
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
