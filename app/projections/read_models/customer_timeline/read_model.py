"""The read model ``customer-timeline``: what happened to a customer, one document a month."""

from datetime import datetime

from pydantic import Field

from app.aggregates import Conversation
from app.projections.engine.documents import Document
from app.projections.engine.projection import on_event
from app.projections.read_models.base import Model, Money, Options, ReadModel
from app.projections.read_models.customer_timeline.entries import insert, is_of, repeats
from app.projections.read_models.customer_timeline.links import Entered, LoanMoney, TimelineLinks
from app.projections.read_models.customer_timeline.sentences import EVENTS, What


class TimelineEntry(Model):
    """One thing that happened."""

    at: datetime
    """When it happened: the time in its message, or its receipt if that has no time or its clock is ahead."""
    position: int
    """The position of its event in the event store; of entries at the same time, the lower came first."""
    what: What
    """What happened, as a stable code."""
    text: str
    """What happened, as a sentence without personal data."""
    loan_account_id: str | None = None
    """The loan account it concerns: `loan-accounts._id`."""
    conversation_id: str | None = None
    """The chat it concerns: `conversations._id`."""
    note_id: str | None = None
    """The note it concerns: `contact-notes._id`."""
    request_id: str | None = None
    """The write-off request it concerns: `write-off-requests._id`."""
    command_id: str | None = None
    """The money movement it concerns: `ledger-commands._id`."""
    amount: Money | None = None
    """The amount concerned."""
    actor: str | None = None
    """The identifier of the staff member who did it."""
    transaction_id: str | None = None
    """The ledger's transaction, if reported with it."""


class CustomerMonth(Model):
    """What happened to a customer in a month, in order of time.

    It covers the customer and their loans, chats, notes, write-off requests and money movements, including
    what happened before the link to the customer was known. Utterances of a chat are in `conversations` only.
    A report that repeats a state already reported in that month is left out. Each payment is there once, also
    one that was posted over the API and then reported. Months are those of
    `BILLIE_BUSINESS_TIME_ZONE` (default: Sydney).
    """

    month_id: str = Field(validation_alias="_id")
    """`customerId`, a colon, and `month`."""
    customer_id: str
    """The customer: `customers._id`."""
    month: str
    """The month, `YYYY-MM`."""
    entries: list[TimelineEntry]
    """The newest 2,000 entries, oldest first."""
    entry_count: int
    """The number of entries, including those no longer kept."""


class CustomerTimeline(ReadModel):
    """How entries change a customer's month; it keeps the newest ones and counts all."""

    name = "customer-timeline"
    model = CustomerMonth
    others = (*EVENTS, Conversation.ParticipantsMet)  # The latter only links a chat to its customer.
    stamped = False

    def __init__(self, options: Options = Options()) -> None:
        super().__init__(options)
        self.lookup = TimelineLinks(self.calendar, options.max_timeline_entries)

    @on_event
    def entered(self, document: Document, event: Entered) -> None:
        document.update(customerId=event.customer_id, month=event.month)
        entries: list[Document] = document.setdefault("entries", [])
        document["entryCount"] = document.get("entryCount", 0) + event.dropped
        for entry in event.entries:
            if not repeats(entries, entry):
                insert(entries, entry, self.options.max_timeline_entries)
                document["entryCount"] += 1

    @on_event
    def loan_money(self, document: Document, event: LoanMoney) -> None:
        """What follows from a loan's reports takes the place of what followed before."""
        document.update(customerId=event.customer_id, month=event.month)
        entries: list[Document] = document.get("entries", [])
        others: list[Document] = [each for each in entries if not is_of(event.account_id, each)]
        counts: dict[str, int] = dict(document.get("_moneyEntries", ()))
        before = counts.pop(event.account_id, 0)
        document["entryCount"] = document.get("entryCount", 0) - before + len(event.entries)
        counts[event.account_id] = len(event.entries)
        document["_moneyEntries"] = sorted([*each] for each in counts.items())
        document["entries"] = others
        for entry in event.entries:
            insert(others, entry, self.options.max_timeline_entries)
