"""A batch of entries, sorted by what they hold, before anything is applied."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from app.ingestion.messages.catalogue import Message, read_entry
from app.ingestion.messages.envelope import entry_type
from app.ingestion.messages.parsers import NO_PARSERS, Parsers
from app.ingestion.messages.rejection import RejectedError, printable
from app.runtime.settings.settings import Settings

Entry = tuple[bytes, dict[bytes, bytes] | None]
"""An entry's id and fields; without fields, it was trimmed from the stream while it was pending."""


@dataclass
class Batch:
    """Entries by what they hold. ``fresh``: read for the first time, so none has failed before."""

    entries: Sequence[Entry]
    fresh: bool
    messages: list[Message] = field(default_factory=list)
    rejected: list[tuple[bytes, RejectedError]] = field(default_factory=list)
    unknown: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    trimmed: list[bytes] = field(default_factory=list)
    read_at: float = field(default_factory=perf_counter)


def read_batch(
    settings: Settings, entries: Sequence[Entry], parsers: Parsers = NO_PARSERS, *, fresh: bool = False
) -> Batch:
    """Parse entries. An entry that cannot be parsed is listed as rejected; nothing is raised."""
    stream, max_bytes = settings.inbox_stream, settings.max_message_bytes
    batch = Batch(entries, fresh)
    for entry_id, fields in entries:
        if not fields:
            batch.trimmed.append(entry_id)
            continue
        try:
            message = read_entry(stream, entry_id, fields, max_bytes, parsers)
        except RejectedError as why:
            batch.rejected.append((entry_id, why))
            continue
        if message is None:
            batch.unknown[printable(entry_type(fields) or "")].append(entry_id)
        else:
            batch.messages.append(message)
    return batch
