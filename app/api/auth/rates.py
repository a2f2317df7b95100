"""How often one caller may ask: a bucket of tokens for each, in this process."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

_MOST_CALLERS = 10_000


class Rates:
    """Each caller has ``burst`` requests, which come back at ``per_second``; 0 is no limit."""

    def __init__(self, per_second: float, burst: int, *, clock: Callable[[], float] = monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_of(self, caller: str) -> float:
        """Take one request from a caller's bucket: 0, or, if it has none, the seconds until it does."""
        if not self._per_second:
            return 0.0
        now = self._clock()
        left, at = self._buckets.pop(caller, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._per_second)
        wait = max(0.0, (1 - left) / self._per_second)
        self._buckets[caller] = (left if wait else left - 1, now)
        if len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)  # Who asked longest ago: most likely, it is full again.
        return wait
