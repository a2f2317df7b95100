"""A projection whose handler of an event is another one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.projections.engine.projection import Event, Projection

Handler = Callable[[Any, dict[str, Any], Any], None]


@contextmanager
def handled_by(projection: Projection, event_class: type[Event], handler: Handler) -> Iterator[None]:
    """Every instance of the projection's class handles an event by ``handler``."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(projection._handlers, event_class, handler)
        yield
