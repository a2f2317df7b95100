"""Checks entries, publishes them on the inbox stream, and waits until they are visible."""

import logging
from typing import Any

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app.api.http.problems import InvalidRequestError, ProblemError
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.envelope import entry_type
from app.ingestion.stream.publish import as_entry, published
from app.operations.read_your_writes import Fate, Outcome, Published, Visibility, is_consumed
from app.operations.servers import Servers
from app.runtime.observability.logging import in_short
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

MAX_ENTRIES = 100
_WRITE_OFFS = "writeoff."
"""Types that name who requests or decides: one person could publish both, and be the two that it takes."""


def checked_entries(body: Any, settings: Settings) -> list[dict[str, str]]:
    """The entries of a body. Raises BillieError (422)."""
    values = body if isinstance(body, list) else [body]
    if not 1 <= len(values) <= MAX_ENTRIES:
        raise InvalidRequestError(f"body: one entry, or a list of 1 to {MAX_ENTRIES}.")
    return [_entry(number, value, settings.max_message_bytes) for number, value in enumerate(values)]


def _entry(number: int, value: Any, max_bytes: int) -> dict[str, str]:
    try:
        entry = as_entry(value)
    except ValueError as error:
        raise InvalidRequestError(f"body.{number}: {error}.") from error
    kind = entry_type({name.encode(): text.encode() for name, text in entry.items()})
    if kind is not None and kind.startswith(_WRITE_OFFS):
        detail = f"body.{number}: write-offs are requested and decided at /v1/write-off-requests."
        raise ProblemError(422, "has_its_own_route", detail)
    if sum(len(name.encode()) + len(text.encode()) for name, text in entry.items()) > max_bytes:
        raise InvalidRequestError(f"body.{number}: larger than {max_bytes} bytes.")
    return entry


def publish_and_wait(servers: Servers, entries: list[dict[str, str]], seconds: float) -> list[Outcome]:
    """Publish entries, and wait for their outcomes. Once they are published, it raises nothing."""
    visibility, settings = Visibility(servers), servers.settings
    sent = [
        Published(entry_id, is_consumed(entry, settings))
        for entry, entry_id in published(servers.redis, settings.inbox_stream, entries)
    ]
    try:
        return visibility.wait(sent, seconds)
    except (RedisError, PyMongoError, *EVENT_STORE_ERRORS) as error:
        # They are published: an error would have the caller send them again.
        log.warning("Cannot tell what became of %d published entries: %s", len(sent), in_short(error))
        return [Outcome(each.entry_id, Fate.PENDING) for each in sent]
