"""What became of a batch's messages, as traces: each one's first span, from publishing to acknowledgement."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import perf_counter

from opentelemetry.context import Context
from opentelemetry.trace import Link, get_current_span

from app.ingestion.stream.acknowledge import Outcome
from app.ingestion.stream.apply import AppliedBatch
from app.ingestion.stream.inbox import Batch
from app.runtime.observability.tracing import TRACE_FIELDS, W3C, Attributes, Tracing


def trace_batch(tracing: Tracing, stream: str, batch: Batch, applied: AppliedBatch, outcome: Outcome) -> None:
    """Send the spans of those messages that are traced, once the batch is acknowledged."""
    now = datetime.now(UTC)
    began = now - timedelta(seconds=perf_counter() - batch.read_at)
    about: Attributes = {
        "messaging.system": "redis",
        "messaging.destination.name": stream,
        "messaging.batch.message_count": len(batch.entries),
    }
    reasons = {entry_id.decode(): str(why.reason) for entry_id, why in outcome.dead}
    for each, _ in batch.rejected:  # It has no identity but the entry's, and its type may be anything.
        entry_id = each.decode()
        if tracing.wants(identity := f"{stream}/{entry_id}"):
            attributes = {**about, "billie.entry_id": entry_id, "billie.reason": reasons[entry_id]}
            tracing.record_first(identity, "rejected entry", began, now, attributes, is_failed=True)
    fields_of = dict(batch.entries)
    left_out = (message for message, _ in (*applied.rejected, *applied.failed))
    for message in (*applied.stored, *(each for each in left_out if each.envelope.entry_id in reasons)):
        source, kind, entry_id = message.envelope.source, message.envelope.type, message.envelope.entry_id
        if not tracing.wants(source.message_id):
            continue
        attributes = {
            **about,
            "billie.message_id": source.message_id,
            "billie.message_type": kind,
            "billie.entry_id": entry_id,
        }
        if is_failed := entry_id in reasons:
            attributes["billie.reason"] = reasons[entry_id]
        elif applied.position is not None:
            attributes["billie.position_reached"] = applied.position
        published, links = min(source.received_at, began), _publisher(fields_of[entry_id.encode()] or {})
        tracing.record_first(
            source.message_id, f"message {kind}", published, now, attributes, links, is_failed=is_failed
        )
        tracing.record(source.message_id, "wait on the stream", published, began)
        tracing.record(source.message_id, "apply", began, now)


def _publisher(fields: Mapping[bytes, bytes]) -> list[Link]:
    carrier = {name: fields.get(name.encode(), b"").decode(errors="replace") for name in TRACE_FIELDS}
    theirs = get_current_span(W3C.extract(carrier, Context())).get_span_context()
    return [Link(theirs)] if theirs.is_valid else []
