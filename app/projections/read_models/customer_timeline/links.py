"""Which customer a loan account, a chat, a note, a write-off request or a money command is about, since when.

The lookup of ``customer-timeline``. What happened before the customer was known waits in the document of its
account or chat, and goes to the timeline with the link. Of a request or command those facts are kept that its
later events do not repeat; where it names no customer, its account's link counts.

A link holds its position, and what waited stays. So a later form of a document answers for an event as the
form of then did, and an event that is folded again leads to the same entries.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from app.aggregates.base import Key
from app.projections.engine.projection import AtHand, Lookup, Target
from app.projections.engine.values import Document, put
from app.projections.read_models.calendar import BusinessCalendar, happened_at
from app.projections.read_models.customer_timeline.entries import ABOUT, entry_of, facts_of
from app.projections.read_models.customer_timeline.lists import put_in

_LINKS = 1_000
"""Links that are kept. Only an event that is folded again asks for one that another has replaced."""


@dataclass(frozen=True)
class Concerned:
    """An event of a request or command, and the facts known of it, as it concerns its account."""

    event: Any
    facts: Document


@dataclass(frozen=True)
class Entered:
    """Entries for one document, and how many there are ``more`` that were too many to wait."""

    customer_id: str
    month: str
    entries: tuple[Document, ...]
    more: int = 0


class TimelineLinks(Lookup):
    """Keeps links, and what waits for one: of an account or conversation, the newest ``keep`` entries."""

    collection = "_customer-timeline.links"
    exact = False

    def __init__(self, calendar: BusinessCalendar, keep: int) -> None:
        self._calendar = calendar
        self._keep = keep

    def key(self, event: Any) -> str | None:
        return f"{ABOUT[type(event)].name}:{event.business_id}"

    def onward(self, document: Document, event: Any) -> tuple[str, Any] | None:
        if (facts := document.get("facts")) is None or "links" in document:
            return None
        return f"account:{facts['loanAccountId']}", Concerned(event, facts)

    def evolve(self, document: Document, event: Any, position: int) -> None:
        put(document, facts=facts_of(event))
        if (customer_id := _told(event)) is not None:
            _link(document, customer_id, position)
        if "links" not in document and "facts" not in document and not _is_of_customer(event):
            self._wait(document, event, position)

    def members(self, document: Document, event: Any) -> Iterable[str]:
        source = event.event if isinstance(event, Concerned) else event
        customer_id = source.business_id if _is_of_customer(source) else _told(event)
        if customer_id is None and (links := document.get("links")):
            customer_id = links[-1]["customerId"]
        if customer_id is None:
            return ()
        months = {self._calendar.month(happened_at(source))}
        if "links" not in document:
            months.update(self._calendar.month(entry["at"]) for entry in document.get("waiting", ()))
        return [_id(customer_id, month) for month in months]

    def follow(self, document: Document, event: Any, documents: AtHand) -> Iterator[Target]:
        position = documents.position
        customer_id = event.business_id if _is_of_customer(event) else _linked(document, position)
        if customer_id is None:
            return
        entry, waiting, more = self._entry(document, event, position), [], {}
        if document.get("linkedAt") == position:
            waiting, more = document.get("waiting", []), document.get("waitingMore", {})
        by_month: dict[str, list[Document]] = {month: [] for month in more}
        for each in [*waiting, *([entry] if entry else [])]:
            by_month.setdefault(self._calendar.month(each["at"]), []).append(each)
        for month, entries in by_month.items():
            yield _id(customer_id, month), Entered(customer_id, month, tuple(entries), more.get(month, 0))

    def sources(self, identifier: str, events: Iterable[Any]) -> Iterable[Key] | None:  # noqa: ARG002
        return None  # Which accounts and conversations a customer has, only these say.

    def lookup_sources(self, key: str) -> Iterable[Key]:  # noqa: ARG002
        return ()  # Never asked: it is not exact.

    def _entry(self, document: Document, event: Any, position: int) -> Document | None:
        if isinstance(event, Concerned):
            return entry_of(event.event, event.facts, position)
        return entry_of(event, document.get("facts", {}), position)

    def _wait(self, document: Document, event: Any, position: int) -> None:
        if (entry := self._entry(document, event, position)) is None:
            return
        if (gone := put_in(document.setdefault("waiting", []), entry, self._keep)) is not None:
            month, more = self._calendar.month(gone["at"]), document.setdefault("waitingMore", {})
            more[month] = more.get(month, 0) + 1


def _id(customer_id: str, month: str) -> str:
    return f"{customer_id}:{month}"


def _is_of_customer(event: Any) -> bool:
    return (about := ABOUT.get(type(event))) is not None and about.field is None


def _told(event: Any) -> str | None:
    """The customer that an event links to, if it tells one."""
    customer_id: str | None = getattr(event, "customer_id", None)
    return customer_id


def _link(document: Document, customer_id: str, position: int) -> None:
    links = document.get("links", [])
    if not links or links[-1]["customerId"] != customer_id:
        document.setdefault("linkedAt", position)
        document["links"] = [*links, {"position": position, "customerId": customer_id}][-_LINKS:]


def _linked(document: Document, position: int) -> str | None:
    """The customer as linked at a position."""
    for link in reversed(document.get("links", ())):
        if link["position"] <= position:
            return str(link["customerId"])
    return None
