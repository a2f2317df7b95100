"""All that was said in a conversation, a page at a time, from its events: documents keep only the newest.

Items stand in the order of their own times, ties in that of arrival, so those of a page may be anywhere among
the events. That order is remembered from one request to the next, and nothing of what was said: of each item
its time and the number of its event.
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
from app.projections.read_models.conversations import Conversations

List = Literal["utterances", "noticeboard"]

_AT_ONCE = 500
"""Events that are read in one go."""
_FEW = 10
"""Events that are read for nothing, rather than asking again."""
_MOST_CONVERSATIONS = 256
_MOST_ITEMS = 1_000_000
"""What is remembered in all, at 16 bytes each; one conversation may have more."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE = Conversations(
    Options(max_utterances=sys.maxsize, max_notices=sys.maxsize, max_list_bytes=sys.maxsize)
)


class TranscriptPage(NamedTuple):
    """Items as the document would have them, whether there are more after them, and whose they are."""

    items: list[Document]
    goes_on: bool
    customer_id: str | None


class Transcripts:
    """Pages of transcripts. Threads may share it: of one conversation, one of them reads what is new."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = Lock()

    def page(
        self, servicing: Servicing, conversation_id: str, which: List, start: int, most: int
    ) -> TranscriptPage | None:
        """``most`` items after the ``start`` oldest ones; None for a conversation that was never heard of.

        The first time in this process all events are read, then those that are new, and those of the page.
        Raises ProjectionFault for an event that cannot be read, and one of EVENT_STORE_ERRORS.
        """
        topics = [get_topic(each) for each in event_classes(Conversation)]
        reader = EventReader(servicing, topics, f"the {which} of a conversation")
        known = self._remembered(conversation_id)
        try:
            with known.lock:
                known.catch_up(reader, conversation_id)
                versions = known.orders[which].versions
                wanted, goes_on = list(versions[start : start + most]), start + most < len(versions)
        finally:
            self._forget_some(conversation_id, known)
        if not known.version:
            return None
        events = _events(reader, conversation_id, wanted)
        return TranscriptPage(_folded(which, events), goes_on, known.customer_id)

    def _remembered(self, conversation_id: str) -> "_Known":
        with self._lock:
            known = self._known.setdefault(conversation_id, _Known())
            self._known.move_to_end(conversation_id)
            return known

    def _forget_some(self, conversation_id: str, known: "_Known") -> None:
        """What there is not, and those that were asked for longest ago."""
        with self._lock:
            if not known.version:
                self._known.pop(conversation_id, None)
            while len(self._known) > 1 and (
                len(self._known) > _MOST_CONVERSATIONS or sum(map(len, self._known.values())) > _MOST_ITEMS
            ):
                self._known.popitem(last=False)


class _Order:
    """The events of a list's items, by number, in the order of the items' times."""

    def __init__(self) -> None:
        self._times, self.versions = array("q"), array("q")

    def put(self, at: datetime, version: int) -> None:
        milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)  # As the documents have them.
        place = bisect_right(self._times, milliseconds)
        self._times.insert(place, milliseconds)
        self.versions.insert(place, version)


class _Known:
    """What is remembered of a conversation, up to the event of a version."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.version = 0
        self.customer_id: str | None = None
        self.orders = {"utterances": _Order(), "noticeboard": _Order()}
        self._is_erased = False

    def __len__(self) -> int:
        return sum(len(order.versions) for order in self.orders.values())

    def catch_up(self, reader: EventReader, conversation_id: str) -> None:
        """Learn of what is new."""
        while told := reader.history((Conversation, conversation_id), self.version, _AT_ONCE):
            for each in told:
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
    """The events of these versions, in this order: those that lie together are read together."""
    found: dict[int, Any] = {}
    for after, most in _stretches(versions):
        while most > 0 and (told := reader.history((Conversation, conversation_id), after, most)):
            found |= {each.event.originator_version: each.event for each in told}
            most, after = most - len(told), told[-1].event.originator_version
    return [found[version] for version in versions]


def _stretches(versions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """After which event to read, and how many, to have all of these and few others."""
    ordered = sorted(versions)
    begins = 0
    for place, version in enumerate(ordered, 1):
        if place == len(ordered) or ordered[place] > version + _FEW:
            yield ordered[begins] - 1, version - ordered[begins] + 1
            begins = place


def _folded(which: List, events: Sequence[Any]) -> list[Document]:
    """The items as the read model has them. In this order, none is put before another."""
    document: Document = {"utterances": [], "utteranceCount": 0, "noticeboard": [], "noticeboardCount": 0}
    for event in events:
        _WHOLE.evolve(document, event)
    items: list[Document] = document[which]
    return items
