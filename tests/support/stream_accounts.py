"""Accounts for every entry of a stream: landed, set aside or of an unknown type; none lost, none twice."""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis import Redis

from app.aggregates import ContactNote, LedgerCommand
from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import CATALOGUE, read_entry
from app.ingestion.messages.envelope import entry_type
from app.ingestion.messages.rejection import RejectedError, printable
from app.ingestion.stream.stream_info import unknown_types_keys
from app.runtime.settings.settings import Settings
from tests.support.observed import dead_letters

_BY_STAFF = (ContactNote.Event, LedgerCommand.Event)
"""What is asked over REST: no message tells it."""

Absorption = tuple[UUID, str]
"""An aggregate, and the identity of a message that concerns it."""


@dataclass(frozen=True)
class Accounts:
    """How many entries ended how. ``repeats``: of those that landed, the ones absorbed before."""

    sent: int
    landed: int
    repeats: int
    dead: int
    unknown: int


def accounts(client: Redis, settings: Settings) -> Accounts:
    """Account for all entries that the stream holds. Fails the test for one that is lost or there twice."""
    entries: Any = client.xrange(settings.inbox_stream)
    absorbed = _absorbed(settings)
    rejected = Counter(dead_letter["entry_id"] for dead_letter in dead_letters(client, settings))
    assert [name for name, count in rejected.items() if count > 1] == [], "dead letters twice"
    dead, unknown, landed, lost = 0, Counter[str](), Counter[Absorption](), []
    meant: set[Absorption] = set()
    for entry_id, fields in entries:
        if entry_id.decode() in rejected:
            dead += 1
        elif (kind := entry_type(fields)) is not None and kind not in CATALOGUE:
            unknown[printable(kind)] += 1
        elif (absorptions := absorptions_of(settings, entry_id, fields)) and absorptions[0] in absorbed:
            landed[absorptions[0]] += 1
            meant.update(absorptions)
        else:
            lost.append(entry_id)
    assert lost == [], "neither landed nor set aside"
    assert dead == len(rejected), "dead letters of entries that nobody sent"
    assert absorbed <= meant, "events of messages that nobody sent"
    _assert_counted(client, settings, unknown)
    total = sum(landed.values())
    return Accounts(len(entries), total, total - len(landed), dead, sum(unknown.values()))


def _assert_counted(client: Redis, settings: Settings, unknown: Counter[str]) -> None:
    """Each type by its name; beyond a thousand types, the rest of them together."""
    answer: Any = client.hgetall(unknown_types_keys(settings.inbox_stream)[0])
    counted = {name.decode(): int(count) for name, count in answer.items()}
    others = counted.pop("(others)", 0)
    assert counted == {name: unknown[name] for name in counted}
    assert len(counted) == min(len(unknown), 1_000)
    assert sum(counted.values()) + others == sum(unknown.values())


def absorptions_of(settings: Settings, entry_id: bytes, fields: dict[bytes, bytes]) -> list[Absorption]:
    """Whom an entry tells: first the aggregate that it is about, then any other. None if it is no message."""
    try:
        message = read_entry(settings.inbox_stream, entry_id, fields, settings.max_message_bytes)
    except RejectedError:
        return []
    if message is None:
        return []
    return [(kind.id_of(name), message.envelope.source.message_id) for kind, name in message.concerns()]


def _absorbed(settings: Settings) -> set[Absorption]:
    """Which message each aggregate absorbed. Fails the test for one that an aggregate has twice."""
    servicing = Servicing.from_url(settings.event_store_url)
    last: dict[Any, str] = {}
    absorbed: set[Absorption] = set()
    try:
        start = 0
        while page := servicing.recorder.select_notifications(start, 5_000, inclusive_of_start=False):
            for notification in page:
                event: Any = servicing.mapper.to_domain_event(notification)
                if isinstance(event, _BY_STAFF):
                    continue
                absorption = (event.originator_id, event.message_id)
                # One message may lead to several events of an aggregate, but only to adjacent ones.
                if last.get(event.originator_id) != event.message_id:
                    assert absorption not in absorbed, (
                        f"absorbed twice: {absorption} at position {notification.id}"
                    )
                last[event.originator_id] = event.message_id
                absorbed.add(absorption)
            start = page[-1].id
    finally:
        servicing.close()
    return absorbed
