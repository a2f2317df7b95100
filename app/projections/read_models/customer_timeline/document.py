"""The collection ``customer-timeline``."""

from datetime import datetime

from pydantic import Field

from app.projections.read_models.customer_timeline.vocabulary import What
from app.projections.read_models.kinds import Document, Money


class TimelineEntry(Document):
    """One thing that happened."""

    at: datetime
    """When it happened: as its message tells, or when that was received, where it tells no time, or a later
    one."""
    position: int
    """The place of its event in the event store; of entries of one time, the lower came first."""
    what: What
    """What it is, in a word that stays."""
    text: str
    """The same in a sentence, without personal data."""
    loan_account_id: str | None = None
    """The loan account that it is about: `loan-accounts._id`."""
    conversation_id: str | None = None
    """The chat that it is about: `conversations._id`."""
    note_id: str | None = None
    """The note that it is about: `contact-notes._id`."""
    request_id: str | None = None
    """The write-off request that it is about: `write-off-requests._id`."""
    command_id: str | None = None
    """The money movement that it is about: `ledger-commands._id`."""
    amount: Money | None = None
    """How much it is about."""
    actor: str | None = None
    """Who of the staff did it: their identifier."""
    transaction_id: str | None = None
    """The ledger's transaction, where it is told with it."""


class CustomerMonth(Document):
    """What happened to a customer in a month, in order of time.

    It is about the customer, their loans, chats, notes, write-off requests and money movements, also before
    anybody told whose they are. What is said in a chat is in `conversations` only. A report that only repeats
    how something stands, as it was told last in that month, is left out. Months are those of
    `BILLIE_BUSINESS_TIME_ZONE`: Sydney's, if that is unset.
    """

    month_id: str = Field(validation_alias="_id")
    """`customerId`, a colon, and `month`."""
    customer_id: str
    """Whom it is about: `customers._id`."""
    month: str
    """The month, `YYYY-MM`."""
    entries: list[TimelineEntry]
    """The newest 2,000, oldest first."""
    entry_count: int
    """How many there were in all."""
