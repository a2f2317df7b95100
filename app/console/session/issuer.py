"""Sign-in at the OpenID Connect issuer: authorization code flow with PKCE, state and nonce, by Authlib."""

import asyncio
import logging
import secrets
from typing import Any, NamedTuple

import httpx2
import jwt
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError

from app.api.auth.tokens import TokenVerifier, is_safe
from app.api.http.problems import ProblemError
from app.runtime.observability.logging import where
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_TIMEOUT_S = 5.0
_CALLBACK = "/sign-in/back"
_LIMITS = httpx2.Limits(max_connections=20, max_keepalive_connections=0)
"""Sign-ins need no session: a slow issuer holds this many connections and no more."""


class StartedSignIn(NamedTuple):
    """What the browser has to bring back, and the address that it goes to."""

    state: str
    nonce: str
    verifier: str
    address: str


class Issuer:
    """The issuer of BILLIE_JWT_ISSUER, where the console's users sign in."""

    def __init__(self, settings: Settings) -> None:
        assert settings.jwt_issuer is not None
        assert settings.oidc_client_id is not None
        secret = settings.oidc_client_secret
        self._url = settings.jwt_issuer
        self._client = AsyncOAuth2Client(
            client_id=settings.oidc_client_id,
            client_secret=secret.get_secret_value() if secret else None,
            token_endpoint_auth_method="client_secret_post" if secret else "none",
            scope="openid profile",
            redirect_uri=f"{settings.console_url}{_CALLBACK}",
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
            limits=_LIMITS,
        )
        # An ID token's audience is the client; the rest is checked as for the API's own tokens.
        audience = {"jwt_audience": settings.oidc_client_id}
        self._tokens = TokenVerifier(settings.model_copy(update=audience))
        self._discovery: asyncio.Task[dict[str, Any]] | None = None

    async def start(self) -> StartedSignIn:
        """Start a sign-in. Raises ProblemError (503) if the issuer is unavailable."""
        endpoint = (await self._metadata())["authorization_endpoint"]
        state, nonce, verifier = (generate_token(48) for _ in range(3))
        address, _ = self._client.create_authorization_url(
            endpoint, state=state, nonce=nonce, code_verifier=verifier
        )
        return StartedSignIn(state, nonce, verifier, address)

    async def claims(self, code: str, verifier: str, nonce: str) -> dict[str, Any]:
        """The claims of the ID token for a code.

        Raises ProblemError: 401 if the issuer rejects the code or the token is invalid, 503 if the issuer is
        unavailable.
        """
        endpoint = (await self._metadata())["token_endpoint"]
        try:
            token = await self._client.fetch_token(endpoint, code=code, code_verifier=verifier)
        except OAuthError as error:
            raise _refused("The issuer rejected this sign-in.") from error
        except (httpx2.HTTPError, ValueError) as error:
            raise _unavailable(where(error)) from error
        try:
            claims = await self._tokens.claims(str(token.get("id_token")))
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            log.warning("Invalid ID token in a sign-in: %s", where(error))
            raise _refused("The issuer's token is invalid.") from error
        if not secrets.compare_digest(str(claims.get("nonce")).encode(), nonce.encode()):
            raise _refused("The issuer's token belongs to another sign-in.")
        return claims

    async def _metadata(self) -> dict[str, Any]:
        """The discovery document. Concurrent sign-ins share one request; a failure is not kept."""
        task = self._discovery
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._discovery = asyncio.create_task(self._discover())
        return await asyncio.shield(task)

    async def _discover(self) -> dict[str, Any]:
        url = f"{self._url.rstrip('/')}/.well-known/openid-configuration"
        if not is_safe(url):
            raise _unavailable("BILLIE_JWT_ISSUER must begin with https://, unless it is on this machine")
        try:
            answer = await self._client.request("GET", url, withhold_token=True)
            metadata: dict[str, Any] = answer.raise_for_status().json()
            endpoints = metadata["authorization_endpoint"], metadata["token_endpoint"]
            is_ours = metadata["issuer"] == self._url
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            raise _unavailable(where(error)) from error
        if not is_ours:
            raise _unavailable("its discovery document names another issuer than BILLIE_JWT_ISSUER")
        if not all(map(is_safe, endpoints)):
            raise _unavailable("its discovery document names an endpoint that is not https")
        return metadata


def _refused(why: str) -> ProblemError:
    return ProblemError(401, "sign_in_refused", f"{why} Sign in again.")


def _unavailable(why: str) -> ProblemError:
    log.error("The sign-in issuer is unavailable: %s", why)
    detail = "The sign-in issuer is unavailable. Try again shortly."
    return ProblemError(503, "issuer_unavailable", detail, retryable=True)
