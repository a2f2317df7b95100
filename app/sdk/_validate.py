"""What our consumer would say about an entry."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.ingestion.messages.catalogue import CATALOGUE, read_entry
from app.ingestion.messages.envelope import entry_type
from app.ingestion.messages.fields import Payload
from app.ingestion.messages.parsers import NO_PARSERS, Parsers, load_parsers
from app.ingestion.messages.rejection import Reason, RejectedError, failed
from app.sdk._defaults import MAX_MESSAGE_BYTES


@dataclass(frozen=True)
class Accepted:
    """It is understood. ``dropped`` names the optional fields whose word is unknown, and was left out.

    ``identity`` is None where the entry names none: sent again, it would be another message.
    """

    type: str
    identity: str | None
    payload: Payload
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class NotConsumed:
    """A type that we do not consume: acknowledged and counted, and no error."""

    type: str


@dataclass(frozen=True)
class Refused:
    """It would become a dead letter: the reason code, the path of the failing field, and what is wrong."""

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
    """What our consumer would say about the raw fields of an entry.

    ``parsers`` are those installed beside the consumer, if any: ``installed_parsers()``, or your own.
    """
    entry = {_bytes(name): _bytes(value) for name, value in fields.items()}
    try:
        message = read_entry("inbox", b"0-0", entry, max_bytes, parsers)
    except RejectedError as why:
        return _refused(why)
    if message is None:
        return NotConsumed(entry_type(entry) or "")
    if message.failure is not None:
        return _refused(failed(message.failure))
    identity = message.envelope.source.message_id
    named = None if identity.startswith("entry:") else identity
    return Accepted(message.envelope.type, named, message.payload, message.dropped)


def installed_parsers() -> Parsers:
    """The parsers of the packages that are installed. Raises ParserError where one cannot be used."""
    return load_parsers(CATALOGUE)


def message_types() -> dict[str, type[Payload]]:
    """Every type that we consume, with the model of its payload."""
    return dict(CATALOGUE)


def _refused(why: RejectedError) -> Refused:
    return Refused(why.reason, why.path, why.error)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
