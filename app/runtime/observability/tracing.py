"""Tracing with OpenTelemetry: a message from the stream to its documents, and each request to the API.

No role hands a trace to the next, and no event stores one. A message's trace id, and the id of its first
span, are derived from the message's identity, which every event carries: every later step, a
rebuild too, finds its trace, and all roles sample the same messages. A publisher's own trace (``traceparent``
of the entry) is linked.

Without an endpoint, OpenTelemetry's API does nothing. Its SDK (the extra ``otel``) is imported only with one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    NoOpTracer,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.errors import ConfigurationError
from app.runtime.observability.metrics import Role
from app.runtime.settings.settings import Settings

TRACE_FIELDS = ("traceparent", "tracestate")
"""Fields of an entry, and headers of a request, as the W3C names them."""
W3C = TraceContextTextMapPropagator()
_FIRST_SPAN: ContextVar[SpanContext | None] = ContextVar("first_span", default=None)
"""The ids that the next span takes; see :meth:`Tracing.record_first`."""
Attributes = dict[str, str | int]

_TRACE_ID_LIMIT = (1 << 64) - 1
FAILED = Status(StatusCode.ERROR)


class TracingError(ConfigurationError):
    """An endpoint is set, and OpenTelemetry's SDK is not installed."""


@dataclass(frozen=True)
class Tracing:
    """Where the spans of a process go. ``bound``: messages whose trace id is below it are traced; 0: none."""

    tracer: Tracer
    bound: int = 0
    flush: Callable[[], object] = lambda: None

    def wants(self, message_id: str) -> bool:
        """Whether this message is traced: the same answer in every role."""
        return self.bound > 0 and (_span_of(message_id).trace_id & _TRACE_ID_LIMIT) < self.bound

    def record_first(
        self,
        message_id: str,
        name: str,
        began: datetime,
        ended: datetime,
        attributes: Attributes,
        links: Sequence[Link] = (),
        *,
        is_failed: bool = False,
    ) -> None:
        """Send a message's first span: its ids are those that the message's identity determines."""
        token = _FIRST_SPAN.set(_span_of(message_id))
        try:
            span = self.tracer.start_span(
                name, Context(), SpanKind.CONSUMER, attributes, links, _nanoseconds(began)
            )
        finally:
            _FIRST_SPAN.reset(token)
        if is_failed:
            span.set_status(FAILED)
        span.end(_nanoseconds(ended))

    def record(
        self,
        message_id: str,
        name: str,
        began: datetime,
        ended: datetime,
        attributes: Attributes | None = None,
    ) -> None:
        """Send a later span of a message: a child of its first one."""
        parent = set_span_in_context(NonRecordingSpan(_span_of(message_id)), Context())
        span = self.tracer.start_span(name, parent, attributes=attributes, start_time=_nanoseconds(began))
        span.end(_nanoseconds(ended))


NO_TRACING = Tracing(NoOpTracer())


@contextmanager
def tracing(settings: Settings, role: Role) -> Iterator[Tracing]:
    """The tracing of this process; what waits is sent at the end. Raises TracingError without the SDK."""
    if settings.otlp_endpoint is None:
        yield NO_TRACING
        return
    try:
        from app.runtime.observability.otlp import provider
    except ImportError as error:
        raise TracingError(
            "BILLIE_OTLP_ENDPOINT is set, but OpenTelemetry's SDK is not installed: "
            "pip install 'billie-servicing[otel]', or unset it (and OTEL_EXPORTER_OTLP_ENDPOINT)"
        ) from error
    with provider(settings.otlp_endpoint, settings.trace_share, role.value, _FIRST_SPAN) as (made, bound):
        yield Tracing(made.get_tracer("billie"), bound, lambda: made.force_flush(5_000))


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1e6) * 1_000


def _span_of(message_id: str) -> SpanContext:
    digest = sha256(f"billie:{message_id}".encode()).digest()
    trace_id, span_id = int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
