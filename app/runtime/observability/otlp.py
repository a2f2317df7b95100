"""OpenTelemetry's SDK, set up to send spans as OTLP over HTTP from a thread of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanContext

from app import __version__

_TIMEOUT_S = 5
_QUEUE_SIZE = 16_384
"""Spans that wait to be sent. While the receiver is away or slow, further ones are dropped."""


class _Ids(RandomIdGenerator):
    """Random ids, except for a message's first span."""

    def __init__(self, first_span: ContextVar[SpanContext | None]) -> None:
        self._first_span = first_span

    def generate_span_id(self) -> int:
        first = self._first_span.get()
        return super().generate_span_id() if first is None else first.span_id

    def generate_trace_id(self) -> int:
        first = self._first_span.get()
        return super().generate_trace_id() if first is None else first.trace_id


@contextmanager
def provider(
    endpoint: str, share: float, role: str, first_span: ContextVar[SpanContext | None]
) -> Iterator[tuple[TracerProvider, int]]:
    """A provider that samples ``share`` of all traces, and the bound of trace ids that this means."""
    sampler = TraceIdRatioBased(share)
    made = TracerProvider(
        sampler=ParentBased(sampler),
        resource=Resource.create({"service.name": f"billie-{role}", "service.version": __version__}),
        id_generator=_Ids(first_span),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_TIMEOUT_S)
    made.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=_QUEUE_SIZE))
    try:
        yield made, sampler.bound
    finally:
        made.force_flush(_TIMEOUT_S * 1_000)
        made.shutdown()
