"""What became of a batch's messages, as traces: each one's first span, from publishing to acknowledgement."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from time import perf_counter

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, get_current_span, set_span_in_context

from app.ingestion.messages.catalogue import Message
from app.ingestion.stream.acknowledge import Outcome
from app.ingestion.stream.apply import AppliedBatch
from app.ingestion.stream.inbox import Batch
from app.runtime.observability.tracing import FAILED, TRACE_FIELDS, W3C, Tracing, nanoseconds
from app.runtime.settings.settings import Settings

Attributes = dict[str, str | int | float]


def trace_batch(
    tracing: Tracing, settings: Settings, batch: Batch, applied: AppliedBatch, outcome: Outcome
) -> None:
    """Send the spans of those messages that are traced, once the batch is acknowledged."""
    now = datetime.now(UTC)
    began = now - timedelta(seconds=perf_counter() - batch.read_at)
    about: Attributes = {
        "messaging.system": "redis",
        "messaging.destination.name": settings.inbox_stream,
        "messaging.batch.message_count": len(batch.entries),
    }
    for entry_id, why in batch.rejected:
        _trace_rejected(tracing, settings, entry_id.decode(), str(why.reason), began, now, about)
    fields_of = dict(batch.entries)
    for message, failure in _done(applied, outcome):
        if tracing.wants(message.envelope.source.message_id):
            fields = fields_of[message.envelope.entry_id.encode()] or {}
            position = None if failure else applied.position
            _trace(tracing, message, fields, failure, began, now, about, position)


def _trace(
    tracing: Tracing,
    message: Message,
    fields: Mapping[bytes, bytes],
    failure: str | None,
    began: datetime,
    now: datetime,
    about: Attributes,
    position: int | None,
) -> None:
    source, kind = message.envelope.source, message.envelope.type
    published = min(source.received_at, began)
    attributes: Attributes = {
        **about,
        "billie.message_id": source.message_id,
        "billie.message_type": kind,
        "billie.entry_id": message.envelope.entry_id,
        **({} if position is None else {"billie.position_reached": position}),
    }
    with tracing.first_span(source.message_id):
        span = tracing.tracer.start_span(
            f"message {kind}",
            Context(),
            SpanKind.CONSUMER,
            attributes,
            _publisher(fields),
            nanoseconds(published),
        )
    inside = set_span_in_context(span, Context())
    for name, start, end in (("wait on the stream", published, began), ("apply", began, now)):
        tracing.tracer.start_span(name, inside, start_time=nanoseconds(start)).end(nanoseconds(end))
    if failure:
        span.set_status(FAILED)
    span.end(nanoseconds(now))


def _publisher(fields: Mapping[bytes, bytes]) -> list[Link]:
    carrier = {
        name: fields[name.encode()].decode(errors="replace")
        for name in TRACE_FIELDS
        if name.encode() in fields
    }
    theirs = get_current_span(W3C.extract(carrier, Context())).get_span_context()
    return [Link(theirs)] if theirs.is_valid else []


def _trace_rejected(
    tracing: Tracing,
    settings: Settings,
    entry_id: str,
    reason: str,
    began: datetime,
    now: datetime,
    about: Attributes,
) -> None:
    """An entry that could not be read has no identity but its own, and its type may be anything."""
    identity = f"{settings.inbox_stream}/{entry_id}"
    if tracing.wants(identity):
        attributes = {**about, "billie.entry_id": entry_id, "billie.reason": reason}
        with tracing.first_span(identity):
            span = tracing.tracer.start_span(
                "rejected entry", Context(), SpanKind.CONSUMER, attributes, start_time=nanoseconds(began)
            )
        span.set_status(FAILED)
        span.end(nanoseconds(now))


def _done(applied: AppliedBatch, outcome: Outcome) -> Iterator[tuple[Message, str | None]]:
    """The messages that are done with, and why one became a dead letter."""
    dead = {entry_id: str(why.reason) for entry_id, why in outcome.dead}
    for message in applied.stored:
        yield message, None
    for message in (*(each for each, _ in applied.rejected), *(each for each, _ in applied.failed)):
        if (why := dead.get(message.envelope.entry_id.encode())) is not None:
            yield message, why
