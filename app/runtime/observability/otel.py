"""Traces as spans of OpenTelemetry, sent as OTLP over HTTP by a thread of their own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from threading import local

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app import __version__
from app.runtime.observability.traces import Request, Step

_W3C = TraceContextTextMapPropagator()
_SEND_WITHIN_S = 5
_MOST_WAITING = 16_384
"""Spans that wait to be sent; where the receiver is away or slow, further ones are dropped."""


class _Ids(IdGenerator):
    """Random ids, but for a message's first span, whose ids are made of the message's identity."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self._given = local()

    @contextmanager
    def giving(self, of: SpanContext) -> Iterator[None]:
        self._given.ids = of
        try:
            yield
        finally:
            del self._given.ids

    def generate_span_id(self) -> int:
        given = getattr(self._given, "ids", None)
        return self._random.generate_span_id() if given is None else given.span_id

    def generate_trace_id(self) -> int:
        given = getattr(self._given, "ids", None)
        return self._random.generate_trace_id() if given is None else given.trace_id


class OtelTraces:
    """Sends to one receiver. Nothing that it does, or cannot do, stops whoever tells it of something."""

    def __init__(self, endpoint: str, share: float, role: str) -> None:
        """``share``: of messages, and of requests whose callers do not say, those that are traced."""
        sampler = TraceIdRatioBased(share)
        self._bound = sampler.bound
        self._ids = _Ids()
        self._provider = TracerProvider(
            sampler=ParentBased(sampler),
            resource=Resource.create(
                {
                    "service.name": f"billie-{role}",
                    "service.version": __version__,
                }
            ),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_SEND_WITHIN_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=_MOST_WAITING))
        self._tracer = self._provider.get_tracer("billie", __version__)

    def flush(self) -> None:
        self._provider.force_flush(_SEND_WITHIN_S * 1_000)

    def close(self) -> None:
        """Send what waits, and no more."""
        self.flush()
        self._provider.shutdown()

    def wanted(self, message_id: str) -> bool:
        return (_first_span(message_id).trace_id & TraceIdRatioBased.TRACE_ID_LIMIT) < self._bound

    def received(
        self, message_id: str, whole: Step, parts: Sequence[Step], publisher: Mapping[str, str]
    ) -> None:
        theirs = get_current_span(_W3C.extract(publisher, Context())).get_span_context()
        links = [Link(theirs)] if theirs.is_valid else []
        with self._ids.giving(_first_span(message_id)):
            span = self._begin(whole, Context(), SpanKind.CONSUMER, links)
        inside = set_span_in_context(span, Context())
        for part in parts:
            _end(self._begin(part, inside), part)
        _end(span, whole)

    def followed(self, message_id: str, step: Step) -> None:
        first = set_span_in_context(NonRecordingSpan(_first_span(message_id)), Context())
        _end(self._begin(step, first), step)

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Request]:
        span = self._tracer.start_span(
            method,
            context=_W3C.extract(headers, Context()),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
        )
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            yield _Request(span, method)

    def carried(self) -> dict[str, str]:
        told: dict[str, str] = {}
        _W3C.inject(told)
        return told

    def _begin(
        self, step: Step, context: Context, kind: SpanKind = SpanKind.INTERNAL, links: Sequence[Link] = ()
    ) -> Span:
        return self._tracer.start_span(
            step.name,
            context=context,
            kind=kind,
            attributes=dict(step.attributes),
            links=links,
            start_time=_ns(step.began),
        )


class _Request:
    def __init__(self, span: Span, method: str) -> None:
        self._span, self._method = span, method

    def answered(self, route: str, status: int) -> None:
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            self._span.set_status(Status(StatusCode.ERROR))


def _first_span(message_id: str) -> SpanContext:
    """By its ids, which are the same in each process and for ever."""
    digest = sha256(f"billie:{message_id}".encode()).digest()
    trace_id, span_id = int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _end(span: Span, step: Step) -> None:
    if step.failure is not None:
        span.set_status(Status(StatusCode.ERROR, step.failure))
    span.end(_ns(step.ended))


def _ns(at: datetime) -> int:
    return int(at.timestamp() * 1e6) * 1_000
