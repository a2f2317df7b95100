"""A circuit breaker: a server that is known to be away is not called, so that nobody waits for it.

Of our own, because the libraries for asyncio let every call through when they try again (purgatory), or are
unmaintained (aiobreaker); here exactly one tries.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class BreakerOpenError(Exception):
    """The call was not made, because those before it failed. One is let through in ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not called: earlier calls got no answer; the next try is in {seconds:.1f} s")
        self.seconds = seconds


class Breaker:
    """Opens after ``failures`` in a row, for ``rest_seconds``; then one call tries, alone.

    Its success closes the breaker, its failure makes it rest again. ``is_failure`` says which exceptions
    are failures: any other is an answer, and so a success here. For one event loop: it has no lock.
    """

    def __init__(
        self,
        is_failure: Callable[[Exception], bool],
        *,
        failures: int = 3,
        rest_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_failure = is_failure
        self._most = failures
        self._rest = rest_seconds
        self._clock = clock
        self._failed = 0
        self._rests_until = 0.0
        self._trying = False

    @property
    def is_closed(self) -> bool:
        """Whether all calls are let through."""
        return self._failed < self._most

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around a call. Raises BreakerOpenError instead of letting it happen."""
        trying = self._admit()
        try:
            yield
        except Exception as error:
            if self._is_failure(error):
                self.failed()
            else:
                self.answered()
            raise
        else:
            self.answered()
        finally:
            # A cancelled call tells nothing either way: the next one may try.
            if trying:
                self._trying = False

    def answered(self) -> None:
        """Some call got an answer."""
        self._failed = 0

    def failed(self) -> None:
        """Some call got none."""
        self._failed += 1
        self._rests_until = self._clock() + self._rest

    def _admit(self) -> bool:
        """Whether this call is the one that tries."""
        if self.is_closed:
            return False
        left = self._rests_until - self._clock()
        if left > 0 or self._trying:
            raise BreakerOpenError(max(left, 0.0))
        self._trying = True
        return True
