"""Roles that run beside a test, each in a thread, until the test is done with them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.runtime.bootstrap import Ingest, Process, Project
from app.runtime.settings.settings import Settings
from tests.support.waiting import LONG_S


def ingest(
    settings: Settings, *, drain: bool, stop: Event, parsers: Parsers = NO_PARSERS, **more: Any
) -> None:
    """Run a consumer until it is stopped or, with ``drain``, until nothing is left."""
    Ingest(Process(settings, stop, **more), parsers).run(drain=drain)


def project(
    settings: Settings,
    names: tuple[str, ...] = (),
    *,
    drain: bool = False,
    strict: bool = False,
    stop: Event | None = None,
    **more: Any,
) -> None:
    """Run projections until they are stopped or, with ``drain``, until they caught up."""
    Project(Process(settings, stop or Event(), **more), names, strict=strict).run(drain=drain)


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
        thread.join(LONG_S)
    assert not thread.is_alive()
