"""Roles that run beside a test, each in a thread, until the test is done with them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from app.ingestion.stream.consumer import run as ingest
from app.projections.worker import run as project
from app.runtime.settings.settings import Settings


@contextmanager
def ingesting(settings: Settings) -> Iterator[None]:
    """A consumer follows the stream."""
    with _beside(lambda stop: ingest(settings, drain=False, stop=stop)):
        yield


@contextmanager
def projecting(settings: Settings) -> Iterator[None]:
    """The projections follow the event store."""
    with _beside(lambda stop: project(settings, stop=stop)):
        yield


@contextmanager
def _beside(role: Callable[[Event], None]) -> Iterator[None]:
    stop = Event()
    thread = Thread(target=role, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
