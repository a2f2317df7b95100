"""The issuer's public keys: fetched when they are needed, and kept where the issuer cannot be reached."""

import asyncio
import logging
from collections.abc import Callable
from http.client import HTTPException
from time import monotonic

import jwt

from app.api.http.problems import ProblemError
from app.runtime.observability.logging import where

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "ES256")
"""What tokens may be signed with. No key of another algorithm is taken from the issuer."""

_FETCH_WITHIN_S = 5.0
_FAILED_FOR_S = 1.0
_FAULTS = (OSError, HTTPException, ValueError, TypeError, AttributeError, RecursionError, jwt.PyJWTError)
"""Of the network, of HTTP, and of an answer that is not a set of keys."""

Keys = dict[tuple[str | None, str], jwt.PyJWK]


class SigningKeys:
    """The keys at a JWKS URL, for one event loop.

    However many ask, there is one fetch at a time, none within a second of a failure, and those for the sake
    of an unknown key are ``pause_s`` apart: nobody's tokens can make us hammer the issuer.
    """

    def __init__(
        self,
        url: str,
        *,
        fresh_s: float,
        pause_s: float,
        outage_s: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Keys are fetched anew after ``fresh_s``, and trusted without the issuer for ``outage_s``."""
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_FETCH_WITHIN_S)
        self._fresh, self._pause, self._outage = fresh_s, pause_s, outage_s
        self._clock = clock
        self._keys: Keys = {}
        self._fetched_at = self._failed_at = self._looked_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Have keys. Raises ProblemError (503) where there are none to be had."""
        age = self._clock() - self._fetched_at
        if age >= self._outage:
            await self._fetched()
            if self._clock() - self._fetched_at >= self._outage:
                raise _unavailable()
        elif age >= self._fresh:
            self._fetch_soon()

    async def key(self, kid: str | None, algorithm: str) -> jwt.PyJWK:
        """The key with an id; without one, the issuer's only key.

        Raises jwt.InvalidTokenError for a key that the issuer does not have, and ProblemError (503) where it
        cannot be asked.
        """
        await self.ready()
        found = self._find(kid, algorithm)
        if found is None:
            await self._looked_again()
            found = self._find(kid, algorithm)
        if found is None:
            if self._failed_at > self._fetched_at:
                raise _unavailable()  # It may be a new one.
            msg = "It is signed with a key that its issuer does not have"
            raise jwt.InvalidTokenError(msg)
        return found

    def _find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        if kid is not None:
            return self._keys.get((kid, algorithm))
        fitting = [key for (_, its), key in self._keys.items() if its == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    async def _looked_again(self) -> None:
        """Fetch for the sake of an unknown key, if the last time is long ago."""
        if self._fetching is None:
            if self._clock() - self._looked_at < self._pause or self._fetch_soon() is None:
                return
            self._looked_at = self._clock()
        await self._fetched()

    def _fetch_soon(self) -> asyncio.Task[None] | None:
        """The fetch that runs; None so soon after a failure."""
        if self._fetching is None and self._clock() - self._failed_at >= _FAILED_FOR_S:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetched(self) -> None:
        """Wait for a fetch, for so long as one may take; whoever cannot wait any longer leaves it running."""
        if (running := self._fetch_soon()) is not None:
            await asyncio.wait({running}, timeout=_FETCH_WITHIN_S)

    async def _fetch(self) -> None:
        try:
            found = await asyncio.to_thread(self._from_issuer)
        except _FAULTS as error:
            self._failed_at = self._clock()
            kept = f"{len(self._keys)} known keys go on" if self._keys else "no token can be checked"
            log.error("The issuer's keys cannot be fetched: %s; %s", where(error), kept)
        else:
            if new := found.keys() - self._keys.keys():
                log.info("The issuer has %d keys, of which %d are new", len(found), len(new))
            self._keys, self._fetched_at = found, self._clock()
        finally:
            self._fetching = None

    def _from_issuer(self) -> Keys:
        """Raises one of _FAULTS, also where no key is of use: those that are known stay then."""
        fetched = jwt.PyJWKSet.from_dict(self._client.fetch_data())
        usable = {
            (key.key_id, key.algorithm_name): key
            for key in fetched
            if key.public_key_use in (None, "sig") and key.algorithm_name in ALGORITHMS
        }
        if not usable:
            msg = "none of its keys is for signing with RS256 or ES256"
            raise jwt.PyJWKSetError(msg)
        return usable


def _unavailable() -> ProblemError:
    return ProblemError(
        503,
        "signing_keys_unavailable",
        "The issuer of tokens cannot be reached for its keys. Try again shortly.",
        retryable=True,
        headers={"Retry-After": "2"},
    )
