"""Whole transcripts, a page at a time, from a conversation's events: documents keep only the newest items.

Items are ordered by their own times, ties by arrival, so those of a page may be anywhere among the events.
The order is cached between requests: of each item its time and its event's version, and nothing that was
said.
"""

import sys
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Literal, NamedTuple

from eventsourcing.utils import get_topic

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.projections.engine.projection import event_classes
from app.projections.engine.reading import EventReader
from app.projections.engine.values import Document
from app.projections.read_models.base import Options
from app.projections.read_models.conversations.read_model import Conversations

List = Literal["utterances", "noticeboard"]

_AT_ONCE = 500
"""Events per read."""
_MAX_GAP = 10
"""Unwanted events that are read rather than reading twice."""
_MOST_CONVERSATIONS = 256
_MOST_ITEMS = 1_000_000
"""In the cache, at 16 bytes each; one conversation may have more."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE = Conversations(
    Options(max_utterances=sys.maxsize, max_notices=sys.maxsize, max_list_bytes=sys.maxsize)
)


class TranscriptPage(NamedTuple):
    """Items as documents have them, whether more follow, and whose they are."""

    items: list[Document]
    goes_on: bool
    customer_id: str | None


class Transcripts:
    """Pages of transcripts, for any number of threads: one of them reads a conversation's new events."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = Lock()

    def page(
        self, servicing: Servicing, conversation_id: str, which: List, start: int, limit: int
    ) -> TranscriptPage | None:
        """``limit`` items after the ``start`` oldest ones; None for an unknown conversation.

        The first read takes all events, later ones the new events and those of the page.
        Raises ProjectionFault for an event that cannot be read, and one of EVENT_STORE_ERRORS.
        """
        topics = [get_topic(each) for each in event_classes(Conversation)]
        reader = EventReader(servicing, topics, f"the {which} of a conversation")
        known = self._cached(conversation_id)
        try:
            with known.lock:
                known.catch_up(reader, conversation_id)
                versions = known.orders[which].versions
                wanted, goes_on = list(versions[start : start + limit]), start + limit < len(versions)
        finally:
            self._evict(conversation_id, known)
        if not known.version:
            return None
        events = _events(reader, conversation_id, wanted)
        return TranscriptPage(_folded(which, events), goes_on, known.customer_id)

    def _cached(self, conversation_id: str) -> "_Known":
        with self._lock:
            known = self._known.setdefault(conversation_id, _Known())
            self._known.move_to_end(conversation_id)
            return known

    def _evict(self, conversation_id: str, known: "_Known") -> None:
        """Drop an unknown conversation, and the least recently used."""
        with self._lock:
            if not known.version:
                self._known.pop(conversation_id, None)
            while len(self._known) > 1 and (
                len(self._known) > _MOST_CONVERSATIONS or sum(map(len, self._known.values())) > _MOST_ITEMS
            ):
                self._known.popitem(last=False)


class _Order:
    """The versions of a list's events, in the order of their items' times."""

    def __init__(self) -> None:
        self._times, self.versions = array("q"), array("q")

    def put(self, at: datetime, version: int) -> None:
        milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)  # As the documents have them.
        place = bisect_right(self._times, milliseconds)
        self._times.insert(place, milliseconds)
        self.versions.insert(place, version)


class _Known:
    """A conversation's orders, up to the event of a version."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.version = 0
        self.customer_id: str | None = None
        self.orders = {"utterances": _Order(), "noticeboard": _Order()}
        self._is_erased = False

    def __len__(self) -> int:
        return sum(len(order.versions) for order in self.orders.values())

    def catch_up(self, reader: EventReader, conversation_id: str) -> None:
        """Read the new events."""
        while events := reader.history((Conversation, conversation_id), self.version, _AT_ONCE):
            for each in events:
                self._note(each.event)
                self.version = each.event.originator_version

    def _note(self, event: Any) -> None:
        match event:
            case Conversation.PersonalDataErased():
                self.orders = {name: _Order() for name in self.orders}
                self._is_erased = True
            case Conversation.UtteranceAdded() if not self._is_erased:
                self.orders["utterances"].put(event.created_at, event.originator_version)
            case Conversation.NoticePosted() if not self._is_erased:
                self.orders["noticeboard"].put(event.posted_at, event.originator_version)
            case Conversation.ParticipantsEvent():
                self.customer_id = event.customer_id or self.customer_id


def _events(reader: EventReader, conversation_id: str, versions: Sequence[int]) -> list[Any]:
    """The events of these versions, in this order. Neighbours are read together."""
    found: dict[int, Any] = {}
    for after, most in _stretches(versions):
        while most > 0 and (events := reader.history((Conversation, conversation_id), after, most)):
            found |= {each.event.originator_version: each.event for each in events}
            most, after = most - len(events), events[-1].event.originator_version
    return [found[version] for version in versions]


def _stretches(versions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The version to read after, and how many events: all of these, and few others."""
    ordered = sorted(versions)
    begins = 0
    for place, version in enumerate(ordered, 1):
        if place == len(ordered) or ordered[place] > version + _MAX_GAP:
            yield ordered[begins] - 1, version - ordered[begins] + 1
            begins = place


def _folded(which: List, events: Sequence[Any]) -> list[Document]:
    """The items as the read model has them, in this order."""
    document: Document = {"utterances": [], "utteranceCount": 0, "noticeboard": [], "noticeboardCount": 0}
    for event in events:
        _WHOLE.evolve(document, event)
    items: list[Document] = document[which]
    return items
