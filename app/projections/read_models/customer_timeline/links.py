"""The lookup of ``customer-timeline``: which customer an account, chat, note, request or command belongs to.

Entries that precede the customer wait in the lookup document of their account or chat, and move to
the timeline with the link. A request or command keeps the facts that its later events do not repeat, and
belongs to its account's customer. An account keeps its reports, and what follows from all of them.

Each link has its position, and waiting entries are kept, so a later form of a document answers for an event
as the form at the time did: an event that is folded again leads to the same entries.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from app.aggregates import ContactNote, Conversation, LedgerCommand, LoanAccount
from app.aggregates.loan_account.events import LoanAccountEvents
from app.aggregates.loan_account.reports import insert as insert_report
from app.projections.engine.documents import Document
from app.projections.engine.projection import AtHand, Event, Lookup, Target, put
from app.projections.read_models.calendar import BusinessCalendar, happened_at, reports_of
from app.projections.read_models.customer_timeline.entries import (
    SUBJECTS,
    concerns_money,
    entry_of,
    facts_of,
    insert,
    money_entries,
)

_MAX_LINKS = 1_000
"""Links kept a document. Only an event that is folded again needs one that was replaced."""


class Concerned(NamedTuple):
    """An event of a request or command, with its known facts, as it concerns its account."""

    event: Event
    facts: Document


class Entered(NamedTuple):
    """Entries for one document, and the number ``dropped`` because too many were waiting."""

    customer_id: str
    month: str
    entries: tuple[Document, ...]
    dropped: int = 0


class LoanMoney(NamedTuple):
    """All that follows from a loan's reports for one document, in place of what followed before."""

    customer_id: str
    month: str
    account_id: str
    entries: tuple[Document, ...]


class TimelineLinks(Lookup):
    """Keeps links, and the newest ``keep`` entries of an account or chat that wait for one."""

    collection = "_customer-timeline.links"

    def __init__(self, calendar: BusinessCalendar, keep: int) -> None:
        self._calendar = calendar
        self._keep = keep

    def key(self, event: Event) -> str | None:
        return f"{SUBJECTS[type(event)].name}:{event.business_id}"

    def onward(self, document: Document, event: Event) -> tuple[str, Any] | None:
        if (facts := document.get("facts")) is None or "links" in document:
            return None
        return f"account:{facts['loanAccountId']}", Concerned(event, facts)

    def evolve(self, document: Document, event: Event | Concerned, position: int) -> None:
        if not isinstance(event, Concerned):
            put(document, facts=facts_of(event))
        if (customer_id := _named_customer(event)) is not None:
            _link(document, customer_id, position)
        self._take_money(document, event, position)
        if "links" not in document and "facts" not in document and _own_customer(event) is None:
            self._wait(document, event, position)

    def members(self, document: Document, event: Event | Concerned) -> Iterable[str]:
        source = event.event if isinstance(event, Concerned) else event
        customer_id = _own_customer(source) or _named_customer(event)
        if customer_id is None and (links := document.get("links")):
            customer_id = links[-1]["customerId"]
        if customer_id is None:
            return ()
        months = {self._calendar.month(happened_at(source))}
        if "links" not in document:
            months.update(self._calendar.month(entry["at"]) for entry in document.get("waiting", ()))
        return [_id(customer_id, month) for month in months]

    def follow(self, document: Document, event: Event | Concerned, documents: AtHand) -> Iterator[Target]:
        position = documents.position
        customer_id = _own_customer(event) or _linked_customer(document, position)
        if customer_id is None:
            return
        entry, waiting, dropped = self._entry(document, event, position), [], {}
        if document.get("linkedAt") == position:
            waiting, dropped = document.get("waiting", []), document.get("waitingMore", {})
        by_month: dict[str, list[Document]] = {month: [] for month in dropped}
        for each in [*waiting, *([entry] if entry else [])]:
            by_month.setdefault(self._calendar.month(each["at"]), []).append(each)
        for month, entries in by_month.items():
            entered = Entered(customer_id, month, tuple(entries), dropped.get(month, 0))
            yield _id(customer_id, month), entered
        yield from self._money(document, position)

    def _take_money(self, document: Document, event: Event | Concerned, position: int) -> None:
        """Take a report of a loan, or a transaction that was posted for it, and note which months change."""
        match event:
            case LoanAccountEvents.ReportEvent():
                account_id = event.business_id
                if not (found := [each for each in reports_of(event, position) if concerns_money(each)]):
                    return
                for report in found:
                    insert_report(document.setdefault("reports", []), report)
            case Concerned(LedgerCommand.Posted() | LedgerCommand.SettledByHand() as posted, facts):
                account_id = facts["loanAccountId"]
                if posted.transaction_id is not None:
                    document.setdefault("posted", []).append(posted.transaction_id)
            case _:
                return
        was = document.get("money", [])
        now = money_entries(
            account_id, document.get("reports", []), document.get("posted", ()), self._calendar
        )
        changed = [each for each in was if each not in now] + [each for each in now if each not in was]
        if changed:
            document["money"] = now
            ids = sorted({target for each in changed if (target := self._money_target(document, each))})
            changes = [*document.get("moneyChanges", ()), {"position": position, "ids": ids}]
            document["moneyChanges"] = changes[-_MAX_LINKS:]

    def _money_target(self, document: Document, entry: Document) -> str | None:
        """The document that an entry belongs to: of the customer at its event, or of the first one."""
        if (links := document.get("links")) is None:
            return None
        customer_id = _linked_customer(document, entry["position"]) or links[0]["customerId"]
        return _id(customer_id, self._calendar.month(entry["at"]))

    def _money(self, document: Document, position: int) -> Iterator[Target]:
        """For each document that changes, all that follows from the loan's reports there."""
        by_id: dict[str, list[Document]] = {}
        for each in document.get("moneyChanges", ()):
            if each["position"] == position:
                by_id.update({target: [] for target in each["ids"]})
        is_linked_now = document.get("linkedAt") == position
        for entry in document.get("money", ()):
            target = self._money_target(document, entry)
            if target is not None and (is_linked_now or target in by_id):
                by_id.setdefault(target, []).append(entry)
        for target, entries in by_id.items():
            customer_id, _, month = target.rpartition(":")
            yield (
                target,
                LoanMoney(customer_id, month, document["_id"].removeprefix("account:"), tuple(entries)),
            )

    def _entry(self, document: Document, event: Event | Concerned, position: int) -> Document | None:
        if isinstance(event, Concerned):
            return entry_of(event.event, event.facts, position)
        return entry_of(event, document.get("facts", {}), position)

    def _wait(self, document: Document, event: Event | Concerned, position: int) -> None:
        if (entry := self._entry(document, event, position)) is None:
            return
        if (oldest := insert(document.setdefault("waiting", []), entry, self._keep)) is not None:
            month, dropped = self._calendar.month(oldest["at"]), document.setdefault("waitingMore", {})
            dropped[month] = dropped.get(month, 0) + 1


def _id(customer_id: str, month: str) -> str:
    return f"{customer_id}:{month}"


def _own_customer(event: Event | Concerned) -> str | None:
    """The customer whose own event it is."""
    if isinstance(event, Concerned) or SUBJECTS[type(event)].field is not None:
        return None
    return event.business_id


def _named_customer(event: Event | Concerned) -> str | None:
    """The customer that an event names, if any."""
    match event:
        case LoanAccount.LinkedToCustomer() | Conversation.ParticipantsEvent():
            return event.customer_id
        case ContactNote.Written():
            return event.customer_id
    return None


def _link(document: Document, customer_id: str, position: int) -> None:
    links = document.get("links", [])
    if not links or links[-1]["customerId"] != customer_id:
        document.setdefault("linkedAt", position)
        document["links"] = [*links, {"position": position, "customerId": customer_id}][-_MAX_LINKS:]


def _linked_customer(document: Document, position: int) -> str | None:
    """The customer linked at a position."""
    for link in reversed(document.get("links", ())):
        if link["position"] <= position:
            return str(link["customerId"])
    return None
