"""Signing in at the issuer: OpenID Connect's authorization code flow, with PKCE, state and nonce."""

import asyncio
import hashlib
import json
import logging
import secrets
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from threading import BoundedSemaphore
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import jwt

from app.api.auth.tokens import token_checker
from app.api.http.problems import ProblemError
from app.runtime.observability.logging import where
from app.runtime.servers.loopback import is_local
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_WITHIN_S = 5.0
_MOST_BYTES = 1024 * 1024
_SCOPE = "openid profile"
_BACK = "/sign-in/back"
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="issuer")
_PLACES = BoundedSemaphore(20)
"""So many sign-ins wait for the issuer at once; one more is told to come again."""


class Started(NamedTuple):
    """A sign-in on its way: what it has to come back with, and the address that it goes to."""

    state: str
    nonce: str
    verifier: str
    address: str


class Provider:
    """The issuer of BILLIE_JWT_ISSUER, as a provider of sign-ins for the console."""

    def __init__(self, settings: Settings) -> None:
        assert settings.jwt_issuer is not None
        assert settings.oidc_client_id is not None
        self._issuer, self._client = settings.jwt_issuer, settings.oidc_client_id
        given = settings.oidc_client_secret
        self._secret = given.get_secret_value() if given else None
        self._back = f"{settings.console_url}{_BACK}"
        # An ID token is for the client; all else is checked as the API checks tokens.
        self._tokens = token_checker(settings.model_copy(update={"jwt_audience": self._client}))
        self._found: dict[str, Any] | None = None

    async def start(self) -> Started:
        """Begin a sign-in. Raises ProblemError (503) where the issuer cannot be reached."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": self._back,
            "scope": _SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = (await self._endpoints())["authorization_endpoint"]
        joint = "&" if urlsplit(endpoint).query else "?"
        return Started(state, nonce, verifier, f"{endpoint}{joint}{urlencode(asked)}")

    async def claims(self, code: str, verifier: str, nonce: str) -> dict[str, Any]:
        """Whose the code is: the claims of the ID token.

        Raises ProblemError: 401 where the issuer does not take the code, or the token does not check; 503
        where it cannot be reached.
        """
        told = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": self._client,
            "code_verifier": verifier,
        }
        if self._secret is not None:
            told["client_secret"] = self._secret
        endpoint = (await self._endpoints())["token_endpoint"]
        answer = await _fetched(Request(endpoint, urlencode(told).encode(), {"Accept": "application/json"}))
        try:
            found = await self._tokens.claims(str(answer.get("id_token")))
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            log.warning("A sign-in's ID token does not check: %s", where(error))
            raise _refused("The issuer's token does not check.") from error
        if not secrets.compare_digest(str(found.get("nonce")).encode(), nonce.encode()):
            raise _refused("The issuer's token is of another sign-in.")
        return found

    async def _endpoints(self) -> dict[str, Any]:
        if self._found is None:
            told = await _fetched(Request(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"))
            names = ("authorization_endpoint", "token_endpoint")
            if told.get("issuer") != self._issuer or not all(_is_safe(told.get(name)) for name in names):
                log.error("What the issuer tells of itself is not of BILLIE_JWT_ISSUER, or not https")
                raise _unavailable()
            self._found = told
        return self._found


def _is_safe(url: Any) -> bool:
    """Whether nobody on the way sees or changes what is sent."""
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    return parts.scheme == "https" or (parts.scheme == "http" and is_local(parts.hostname or "-"))


async def _fetched(request: Request) -> dict[str, Any]:
    """The JSON object that is answered. Raises ProblemError."""
    if not _is_safe(request.full_url):
        log.error("BILLIE_JWT_ISSUER has to begin with https://, unless it is on this machine")
        raise _unavailable()
    try:
        told = await _in_own_thread(request)
    except HTTPError as error:
        error.close()
        if 400 <= error.code < 500 and request.data is not None:
            raise _refused("The issuer does not take this sign-in.") from error
        log.error("The issuer answers a sign-in with %d", error.code)
        raise _unavailable() from error
    except (OSError, HTTPException, ValueError) as error:
        log.error("The issuer cannot be reached for a sign-in: %s", where(error))
        raise _unavailable() from error
    if not isinstance(told, dict):
        raise _unavailable()
    return told


async def _in_own_thread(request: Request) -> Any:
    """Strangers may begin sign-ins: an issuer that is slow must not take the threads that others need."""
    if not _PLACES.acquire(blocking=False):
        log.error("Too many sign-ins wait for the issuer: one more is refused")
        raise _unavailable()
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, _read, request)
    finally:
        _PLACES.release()


def _read(request: Request) -> Any:
    with urlopen(request, timeout=_WITHIN_S) as answer:
        return json.loads(answer.read(_MOST_BYTES))


def _refused(why: str) -> ProblemError:
    return ProblemError(401, "sign_in_refused", f"{why} Sign in again.")


def _unavailable() -> ProblemError:
    detail = "The issuer of sign-ins cannot be reached. Try again shortly."
    return ProblemError(503, "issuer_unavailable", detail, retryable=True)
