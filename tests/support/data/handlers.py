"""A projection of another release, with another handler for one class of events."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.projections.engine.projection import Event, Projection

Handler = Callable[[dict[str, Any], Any], None]


@contextmanager
def handled_by(projection: Projection, event_class: type[Event], handler: Handler) -> Iterator[None]:
    """As long as this lasts, in this projection and in those of its class that are made meanwhile."""

    def method(_: Projection, document: dict[str, Any], event: Any) -> None:
        handler(document, event)

    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(projection._handlers, event_class, handler)
        patched.setitem(type(projection)._declared, event_class, method)
        yield
