"""Whole transcripts, a page at a time, from a conversation's events: documents keep only the newest items.

Items are ordered by their own times, ties by arrival, so those of a page may be anywhere among the events.
The order is cached between requests: of each item its time and its event's version, and nothing that was
said.
"""

import sys
from bisect import insort
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Literal, NamedTuple

from eventsourcing.utils import get_topic

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.projections.engine.documents import Document
from app.projections.engine.projection import event_classes
from app.projections.engine.reading import EventReader
from app.projections.read_models.base import Options
from app.projections.read_models.conversations.read_model import Conversations

List = Literal["utterances", "noticeboard"]

_AT_ONCE = 500
"""Events per read."""
_MOST_ITEMS = 200_000
"""In the cache, of 100 bytes or so; a conversation counts as ten, and one may have more."""
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
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
                order = known.orders[which]
                wanted = [version for _, version in order[start : start + limit]]
                goes_on = start + limit < len(order)
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
            while len(self._known) > 1 and sum(map(len, self._known.values())) > _MOST_ITEMS:
                self._known.popitem(last=False)


class _Known:
    """The times and versions of a conversation's items in their order, up to the event of a version."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.version = 0
        self.customer_id: str | None = None
        self.orders: dict[List, list[tuple[int, int]]] = {"utterances": [], "noticeboard": []}
        self._is_erased = False

    def __len__(self) -> int:
        return 10 + sum(map(len, self.orders.values()))

    def catch_up(self, reader: EventReader, conversation_id: str) -> None:
        """Read the new events."""
        while events := reader.history((Conversation, conversation_id), self.version, _AT_ONCE):
            for each in events:
                self._note(each.event)
                self.version = each.event.originator_version

    def _note(self, event: Any) -> None:
        match event:
            case Conversation.PersonalDataErased():
                self.orders = {"utterances": [], "noticeboard": []}
                self._is_erased = True
            case Conversation.UtteranceAdded() if not self._is_erased:
                self._put("utterances", event.created_at, event.originator_version)
            case Conversation.NoticePosted() if not self._is_erased:
                self._put("noticeboard", event.posted_at, event.originator_version)
            case Conversation.ParticipantsEvent():
                self.customer_id = event.customer_id or self.customer_id

    def _put(self, which: List, at: datetime, version: int) -> None:
        insort(self.orders[which], ((at - _EPOCH) // _MS, version))  # Times as the documents have them.


def _events(reader: EventReader, conversation_id: str, versions: list[int]) -> list[Any]:
    """The events of these versions, in this order."""
    found: dict[int, Any] = {}
    after, last = min(versions, default=0) - 1, max(versions, default=-1)
    while after < last:
        page = reader.history((Conversation, conversation_id), after, min(_AT_ONCE, last - after))
        found |= {each.event.originator_version: each.event for each in page}
        after = page[-1].event.originator_version
    return [found[version] for version in versions]


def _folded(which: List, events: list[Any]) -> list[Document]:
    """The items as the read model has them, in this order."""
    document: Document = {"utterances": [], "utteranceCount": 0, "noticeboard": [], "noticeboardCount": 0}
    for event in events:
        _WHOLE.evolve(document, event)
    items: list[Document] = document[which]
    return items
