"""How a role waits for a server that is away: longer each time, with jitter, and said once a minute."""

import logging
import random
from threading import Event as Flag
from time import monotonic

from app.runtime.observability.logging import in_short
from app.runtime.observability.metrics import SERVER_FAILURES

log = logging.getLogger(__name__)

_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 10.0
_SAY_EVERY_S = 60.0
_NEW_AFTER_S = 10.0
"""A server that was well for so long, and fails, is said to at once."""


class BackOff:
    """Counts the failures in a row of a loop that needs a server."""

    def __init__(self, stop: Flag, who: str = "") -> None:
        """``who`` waits, where one process has several that do."""
        self.failures = 0
        self._who = f"{who}: " if who else ""
        self._stop = stop
        self._said_at = self._failed_at = -_SAY_EVERY_S
        self._said = False

    def failed(self, error: Exception) -> None:
        """Wait; ``stop`` ends that at once."""
        self.failures += 1
        SERVER_FAILURES.inc()
        now = monotonic()
        is_new = self.failures == 1 and now - self._failed_at >= _NEW_AFTER_S
        if is_new or now - self._said_at >= _SAY_EVERY_S:
            log.warning("%sWaiting for a server: %s", self._who, in_short(error))
            self._said_at, self._said = now, True
        self._failed_at = now
        wait = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self.failures, 8))
        self._stop.wait(wait * random.uniform(0.5, 1.0))

    def went_well(self) -> None:
        """The server answers: said once, if its absence was."""
        if self._said:
            log.info("%sThe server is back after %d tries", self._who, self.failures)
        self.failures, self._said = 0, False
