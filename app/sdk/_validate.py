"""Our consumer's verdict on an entry."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.ingestion.messages.catalogue import CATALOGUE, read_entry
from app.ingestion.messages.envelope import entry_type
from app.ingestion.messages.fields import Payload
from app.ingestion.messages.parsers import NO_PARSERS, Parsers, load_parsers
from app.ingestion.messages.rejection import Reason, RejectedError, failed
from app.sdk._message import ENTRY_ID, MAX_MESSAGE_BYTES, as_bytes


@dataclass(frozen=True)
class Accepted:
    """The message is valid. ``dropped`` are the paths of optional parts that cannot be read.

    ``identity`` is None if the entry has none: sent again, it would be another message.
    """

    type: str
    identity: str | None
    payload: Payload
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class NotConsumed:
    """A type that we do not consume: acknowledged and counted. This is no error."""

    type: str


@dataclass(frozen=True)
class Refused:
    """It would become a dead letter: the reason code, the path of the failing field, and the error."""

    reason: Reason
    path: str
    error: str


Verdict = Accepted | NotConsumed | Refused


def validate(
    fields: Mapping[str, str] | Mapping[bytes, bytes],
    *,
    parsers: Parsers = NO_PARSERS,
    max_bytes: int = MAX_MESSAGE_BYTES,
) -> Verdict:
    """Our consumer's verdict on the raw fields of an entry.

    ``parsers`` are those installed beside the consumer, if any: ``installed_parsers()``, or your own.
    """
    entry = as_bytes(fields)
    try:
        message = read_entry("inbox", ENTRY_ID, entry, max_bytes, parsers)
    except RejectedError as why:
        return _refused(why)
    if message is None:
        return NotConsumed(entry_type(entry) or "")
    if message.failure is not None:
        return _refused(failed(message.failure))
    identity = message.envelope.source.message_id
    named = None if identity.startswith("entry:") else identity
    return Accepted(message.envelope.type, named, message.payload, tuple(message.unreadable))


def installed_parsers() -> Parsers:
    """The parsers of the installed packages. Raises ParserError if one cannot be used."""
    return load_parsers(CATALOGUE)


def message_types() -> dict[str, type[Payload]]:
    """Every type that we consume, with its payload's model."""
    return dict(CATALOGUE)


def _refused(why: RejectedError) -> Refused:
    return Refused(why.reason, why.path, why.error)
