"""Threads for the event store: its drivers wait, and an event loop must not."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter, to_thread
from eventsourcing.persistence import OperationalError

_THREADS = 16
_MOST_WAITING = 64
_LIMITERS: WeakKeyDictionary[asyncio.AbstractEventLoop, CapacityLimiter] = WeakKeyDictionary()

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """The event store's drivers wait: not in the event loop, and not in the threads that others need.

    Raises eventsourcing's OperationalError where too many wait already.
    """
    limiter = _threads()
    if limiter.statistics().tasks_waiting >= _MOST_WAITING:
        raise OperationalError("too many requests wait for it")
    return await to_thread.run_sync(lambda: function(*arguments, **named), limiter=limiter)


def _threads() -> CapacityLimiter:
    loop = asyncio.get_running_loop()
    if loop not in _LIMITERS:
        _LIMITERS[loop] = CapacityLimiter(_THREADS)
    return _LIMITERS[loop]
