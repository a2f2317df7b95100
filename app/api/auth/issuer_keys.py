"""The issuer's public keys: fetched by PyJWT, and kept while the issuer is away."""

import asyncio
import logging
from time import monotonic

import jwt

from app.api.http.problems import ProblemError
from app.runtime.observability.logging import where

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "ES256")
"""What tokens may be signed with. Keys of other algorithms are ignored."""

_TIMEOUT_S = 5.0
_FAILURE_PAUSE_S = 1.0
_FETCH_ERRORS = (jwt.PyJWTError, OSError, ValueError, TypeError, AttributeError, RecursionError)
"""Of the network, and of an answer that is not a set of keys."""


class SigningKeysUnavailableError(ProblemError):
    """The issuer does not answer, and no key of it is known."""

    def __init__(self) -> None:
        detail = "The token issuer's keys cannot be fetched. Try again in a moment."
        super().__init__(503, "signing_keys_unavailable", detail, retryable=True, retry_after_s=2)


class IssuerKeys:
    """The keys at a JWKS URL, for one event loop. Concurrent callers share one fetch.

    Keys are refreshed in the background every ``refresh_s``, and trusted for ``outage_s`` without the issuer.
    Fetches for unknown keys are ``pause_s`` apart, so that no token can make us flood the issuer.
    """

    def __init__(self, url: str, *, refresh_s: float, pause_s: float, outage_s: float) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_TIMEOUT_S)
        self._refresh_s, self._pause_s, self._outage_s = refresh_s, pause_s, outage_s
        self._keys: dict[tuple[str | None, str], jwt.PyJWK] = {}
        self._fetched_at = self._failed_at = self._looked_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Raises SigningKeysUnavailableError if there is no key that is still trusted."""
        age = monotonic() - self._fetched_at
        if age >= self._outage_s:
            await self._fetch()
            if monotonic() - self._fetched_at >= self._outage_s:
                raise SigningKeysUnavailableError
        elif age >= self._refresh_s:
            self._start_fetch()

    async def key(self, kid: str | None, algorithm: str) -> jwt.PyJWK:
        """The key with this id; without an id, the issuer's only key.

        Raises jwt.InvalidTokenError if the issuer has no such key, SigningKeysUnavailableError if it cannot
        be asked.
        """
        await self.ready()
        found = self._find(kid, algorithm)
        if found is None:
            may_fetch = monotonic() - self._looked_at >= self._pause_s
            if may_fetch and self._fetching is None and self._start_fetch() is not None:
                self._looked_at = monotonic()
            if self._fetching is not None:
                await self._fetch()
            found = self._find(kid, algorithm)
        if found is None:
            if self._failed_at > self._fetched_at:
                raise SigningKeysUnavailableError  # It may be a new key.
            raise jwt.InvalidTokenError("It is signed with a key that its issuer does not have")
        return found

    def _find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        if kid is not None:
            return self._keys.get((kid, algorithm))
        fitting = [key for (_, its), key in self._keys.items() if its == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    def _start_fetch(self) -> asyncio.Task[None] | None:
        """The running fetch; None just after a failure."""
        if self._fetching is None and monotonic() - self._failed_at >= _FAILURE_PAUSE_S:
            self._fetching = asyncio.create_task(self._refresh())
        return self._fetching

    async def _fetch(self) -> None:
        if (running := self._start_fetch()) is not None:
            await asyncio.wait({running}, timeout=_TIMEOUT_S)

    async def _refresh(self) -> None:
        try:
            fetched = jwt.PyJWKSet.from_dict(await asyncio.to_thread(self._client.fetch_data))
            keys = {
                (key.key_id, key.algorithm_name): key
                for key in fetched
                if key.public_key_use in (None, "sig") and key.algorithm_name in ALGORITHMS
            }
            if not keys:
                raise jwt.PyJWKSetError("none of its keys is for signing with RS256 or ES256")
            if new := keys.keys() - self._keys.keys():
                log.info("The issuer has %d keys, %d of them new", len(keys), len(new))
            self._keys, self._fetched_at = keys, monotonic()
        except _FETCH_ERRORS as error:
            self._failed_at = monotonic()
            kept = (
                f"{len(self._keys)} known keys are still trusted"
                if self._keys
                else "no token can be verified"
            )
            log.error("Cannot fetch the issuer's keys: %s; %s", where(error), kept)
        finally:
            self._fetching = None
