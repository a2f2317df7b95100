"""Whether a token is good: signed by whom we trust, in the algorithm that we chose, for us, and in time."""

from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt

from app.api.auth.signing_keys import ALGORITHMS, SigningKeys
from app.runtime.servers.loopback import is_local
from app.runtime.settings.settings import Settings

_SHORTEST_SECRET = 32
LEEWAY_S = 5
"""By so much may our clock and the issuer's differ."""


class AuthenticationNotConfiguredError(ValueError):
    """The API has no safe way to check tokens: it must not start."""


class TokenChecker(Protocol):
    """Gives a token's claims. One kind of key, and so its algorithms, is chosen here and not by the token."""

    async def claims(self, token: str) -> dict[str, Any]:
        """Raises jwt.PyJWTError for a token that does not check, ProblemError where nobody can tell."""

    async def ready(self) -> None:
        """Raises ProblemError (503) where no token could be checked."""


def token_checker(settings: Settings) -> TokenChecker:
    """By the keys at BILLIE_JWKS_URL, or by a shared secret. Raises AuthenticationNotConfiguredError."""
    return _ByIssuer(settings) if settings.jwks_url else _BySecret(settings)


def secret_of(settings: Settings) -> str:
    """The shared secret. Raises AuthenticationNotConfiguredError."""
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


class _BySecret:
    """HS256: for development, where whoever checks tokens may make them."""

    def __init__(self, settings: Settings) -> None:
        self._secret, self._rules = secret_of(settings), _rules(settings)

    async def claims(self, token: str) -> dict[str, Any]:
        return jwt.decode(token, self._secret, algorithms=["HS256"], **self._rules)

    async def ready(self) -> None:
        pass


class _ByIssuer:
    """RS256 or ES256, as the key says and not the token."""

    def __init__(self, settings: Settings) -> None:
        assert settings.jwks_url is not None
        for name in ("jwt_issuer", "jwt_audience"):
            if not getattr(settings, name):
                msg = f"BILLIE_JWKS_URL takes BILLIE_{name.upper()} too: the issuer signs tokens for others"
                raise AuthenticationNotConfiguredError(msg)
        _check_url(settings.jwks_url)
        self._rules = _rules(settings)
        self._keys = SigningKeys(
            settings.jwks_url,
            fresh_s=settings.jwks_refresh_seconds,
            pause_s=settings.jwks_pause_seconds,
            outage_s=settings.jwks_outage_hours * 3_600,
        )

    async def claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            msg = f"Its algorithm is none of {', '.join(ALGORITHMS)}"
            raise jwt.InvalidAlgorithmError(msg)
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


def _check_url(url: str) -> None:
    """Raises AuthenticationNotConfiguredError for keys in plain text: who can change them can be anybody."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or (parts.scheme != "https" and not (parts.scheme == "http" and is_local(host))):
        msg = "BILLIE_JWKS_URL has to begin with https://, unless it is on this machine"
        raise AuthenticationNotConfiguredError(msg)
