"""Traces for OpenTelemetry: a message's way from the stream to the documents, and what a request took.

Nobody hands a trace from one role to the next, and no event holds one: a message's trace id, and the id of
its first span, are made of the message's identity, which every event carries. So whoever meets the message
later finds its trace, also in a rebuild, and which messages are traced is the same everywhere. A publisher's
own trace (``traceparent`` of the entry) is linked to.

This module needs nothing that is not installed; ``otel.py`` does, and is imported where an endpoint is set.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from app.runtime.observability.metrics import Role
from app.runtime.settings.settings import Settings

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
"""Fields of an entry, and headers of a request, as the W3C names them."""


class TracesError(RuntimeError):
    """An endpoint is set, and there is nothing that could send to it."""


@dataclass(frozen=True)
class Step:
    """Something that was done about a message, or failed. Attributes hold no personal data."""

    name: str
    began: datetime
    ended: datetime
    attributes: Mapping[str, str | int | float] = field(default_factory=dict)
    failure: str | None = None


class Request(Protocol):
    """A request that is traced while it is answered."""

    def answered(self, route: str, status: int) -> None:
        """Its route's template, and the status of the answer."""


class Traces(Protocol):
    """Where the spans of a process go."""

    def wanted(self, message_id: str) -> bool:
        """Whether this message is one of those that are traced."""

    def received(
        self, message_id: str, whole: Step, parts: Sequence[Step], publisher: Mapping[str, str]
    ) -> None:
        """The first span of a message, what was done in it, and whose entry it was by its fields."""

    def followed(self, message_id: str, step: Step) -> None:
        """Something that was done about a message later, in whichever process."""

    def request(self, method: str, headers: Mapping[str, str]) -> Any:
        """A context with a :class:`Request`, which may be part of its caller's trace."""

    def carried(self) -> dict[str, str]:
        """What tells others of the request that is answered here now, as fields of an entry; nothing outside
        of one.
        """

    def flush(self) -> None:
        """Send what waits, for a few seconds at most."""


class _NoRequest:
    def answered(self, route: str, status: int) -> None:
        """Nobody asks."""


class NoTraces:
    """For a process that nobody traces."""

    def wanted(self, message_id: str) -> bool:  # noqa: ARG002
        return False

    def received(
        self, message_id: str, whole: Step, parts: Sequence[Step], publisher: Mapping[str, str]
    ) -> None:
        """Nothing is wanted."""

    def followed(self, message_id: str, step: Step) -> None:
        """Nothing is wanted."""

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Request]:  # noqa: ARG002
        yield _NoRequest()

    def carried(self) -> dict[str, str]:
        return {}

    def flush(self) -> None:
        """There is nothing."""


NO_TRACES = NoTraces()


@contextmanager
def tracing(settings: Settings, role: Role) -> Iterator[Traces]:
    """Traces of this process, while this lasts: none where no endpoint is set.

    Raises TracesError where one is set, and the extra ``otel`` is not installed.
    """
    if settings.otlp_endpoint is None:
        yield NO_TRACES
        return
    try:
        from app.runtime.observability.otel import OtelTraces
    except ImportError as error:
        msg = (
            "BILLIE_OTLP_ENDPOINT is set, and OpenTelemetry is not installed: "
            "pip install 'billie-servicing[otel]', or unset it (and OTEL_EXPORTER_OTLP_ENDPOINT)"
        )
        raise TracesError(msg) from error
    traces = OtelTraces(settings.otlp_endpoint, settings.trace_share, role.value)
    try:
        yield traces
    finally:
        traces.close()
