"""Messages onto the stream."""

from collections.abc import Sequence

from redis import Redis

from app.ingestion.stream.publish import publish as publish_entries
from app.sdk._defaults import INBOX_STREAM
from app.sdk._message import Message


def publish(client: Redis, messages: Sequence[Message], *, stream: str = INBOX_STREAM) -> int:
    """XADD all messages, in order, a thousand in a round trip. Returns how many.

    Raises redis's errors: then some may be on the stream. Publish the same messages again: each keeps its
    identity, and what arrives twice is absorbed once.
    """
    return publish_entries(client, stream, (message.fields() for message in messages))
