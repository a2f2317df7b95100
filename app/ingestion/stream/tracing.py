"""What became of a batch's messages, as traces: the first span of each, from publishing to settling."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import perf_counter

from app.ingestion.messages.catalogue import Message
from app.ingestion.stream.acknowledge import Outcome
from app.ingestion.stream.apply import Landing
from app.ingestion.stream.batch import Batch
from app.runtime.observability.traces import TRACEPARENT, TRACESTATE, Step, Traces
from app.runtime.settings.settings import Settings


def trace_batch(traces: Traces, settings: Settings, batch: Batch, landing: Landing, outcome: Outcome) -> None:
    """Tell of those messages that are traced. ``landing`` is done, and told to Redis."""
    now = datetime.now(UTC)
    began = now - timedelta(seconds=perf_counter() - batch.opened_at)
    fields_of = dict(batch.entries)
    for entry_id, unusable in batch.unusable:
        _trace_unread(traces, settings, entry_id, str(unusable.reason), began, now)
    for message, why in _through(landing, outcome):
        source, kind = message.envelope.source, message.envelope.type
        if not traces.wanted(source.message_id):
            continue
        attributes: dict[str, str | int | float] = {
            "messaging.system": "redis",
            "messaging.destination.name": settings.inbox_stream,
            "messaging.batch.message_count": len(batch.entries),
            "billie.message_id": source.message_id,
            "billie.message_type": kind,
            "billie.entry_id": message.envelope.entry_id,
        }
        if landing.position is not None and why is None:
            attributes["billie.position_reached"] = landing.position
        fields = fields_of[message.envelope.entry_id.encode()] or {}
        published = min(source.received_at, began)
        traces.received(
            source.message_id,
            Step(f"message {kind}", published, now, attributes, why),
            [
                Step("wait on the stream", published, began),
                Step("land", began, now, {"billie.batch_messages": len(batch.messages)}),
            ],
            {
                name: fields[name.encode()].decode(errors="replace")
                for name in (TRACEPARENT, TRACESTATE)
                if name.encode() in fields
            },
        )


def _trace_unread(
    traces: Traces, settings: Settings, entry_id: bytes, reason: str, began: datetime, now: datetime
) -> None:
    """Of an entry that could not be read: it has no identity but its own, and its type may be anything."""
    name = entry_id.decode()
    identity = f"{settings.inbox_stream}/{name}"
    if traces.wanted(identity):
        attributes = {
            "messaging.system": "redis",
            "messaging.destination.name": settings.inbox_stream,
            "billie.entry_id": name,
        }
        traces.received(identity, Step("entry that cannot be used", began, now, attributes, reason), [], {})


def _through(landing: Landing, outcome: Outcome) -> Iterator[tuple[Message, str | None]]:
    """The messages that are done with, and why one was set aside."""
    dead = {entry_id: str(why.reason) for entry_id, why in outcome.dead}
    for message in landing.landed:
        yield message, None
    for message in (*(each for each, _ in landing.unusable), *(each for each, _ in landing.failed)):
        if (why := dead.get(message.envelope.entry_id.encode())) is not None:
            yield message, why
