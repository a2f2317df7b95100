"""The rate limit: a token bucket per caller, in this process."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

_MAX_CALLERS = 10_000


class RateLimits:
    """Each caller has ``burst`` requests, refilled at ``per_second``; 0 means no limit."""

    def __init__(self, per_second: float, burst: int, *, clock: Callable[[], float] = monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Take one request from a caller's bucket. Returns 0, or the seconds to wait if it is empty."""
        if not self._per_second:
            return 0.0
        now = self._clock()
        left, at = self._buckets.pop(caller, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._per_second)
        wait = max(0.0, (1 - left) / self._per_second)
        self._buckets[caller] = (left if wait else left - 1, now)
        if len(self._buckets) > _MAX_CALLERS:
            self._buckets.popitem(last=False)  # The least recent caller: most likely full again.
        return wait
