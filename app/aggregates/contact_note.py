"""The contact note: what staff write down of a contact with a customer. Only another note amends it."""

from enum import StrEnum
from typing import TypedDict, Unpack, cast
from uuid import uuid5

from app.aggregates.base import NAMESPACE, NOTHING, Aggregate, Source, absorbs
from app.aggregates.two_people import Actor, same_person
from app.errors import BillieError

LONGEST_SUBJECT, LONGEST_CONTENT = 200, 20_000
"""In characters."""


class NoteType(StrEnum):
    """What it is about; the words of the ``contact-notes`` collection, as all of these."""

    PHONE_INBOUND = "phone_inbound"
    PHONE_OUTBOUND = "phone_outbound"
    EMAIL_INBOUND = "email_inbound"
    EMAIL_OUTBOUND = "email_outbound"
    SMS = "sms"
    GENERAL_ENQUIRY = "general_enquiry"
    COMPLAINT = "complaint"
    ESCALATION = "escalation"
    INTERNAL_NOTE = "internal_note"
    ACCOUNT_UPDATE = "account_update"
    COLLECTIONS = "collections"


class ContactDirection(StrEnum):
    """Who got in touch: ``inbound`` is the customer."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class NotePriority(StrEnum):
    """How urgent it is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Sentiment(StrEnum):
    """How the customer took it."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"
    ESCALATION = "escalation"


_DIRECTIONS: dict[str, ContactDirection] = {
    NoteType.PHONE_INBOUND: ContactDirection.INBOUND,
    NoteType.PHONE_OUTBOUND: ContactDirection.OUTBOUND,
    NoteType.EMAIL_INBOUND: ContactDirection.INBOUND,
    NoteType.EMAIL_OUTBOUND: ContactDirection.OUTBOUND,
}


class NoteContent(TypedDict, total=False):
    """The contents of a note."""

    loan_account_id: str | None
    conversation_id: str | None
    note_type: str
    contact_direction: str | None
    subject: str
    content: str
    priority: str
    sentiment: str


class NoteFacts(NoteContent, total=False):
    """All that a note says."""

    customer_id: str
    amends_note_id: str


_FACTS = tuple(NoteFacts.__annotations__)


class AlreadyAmendedError(BillieError):
    """Only the newest note of a chain can be amended; ``by_note_id`` amends this one."""

    status = 409
    code = "note_amended"

    def __init__(self, by_note_id: str) -> None:
        super().__init__(f"{by_note_id!r} amends it: only the newest note of a chain can be amended.")
        self.by_note_id = by_note_id


class AlreadyWrittenError(BillieError):
    """A note is written once."""


def note_id_of(idempotency_key: str) -> str:
    """The id of the note with a key: always the same, so that a repeat meets the first note."""
    return str(uuid5(NAMESPACE, f"ContactNote/{idempotency_key}"))


def facts_of(customer_id: str, content: NoteContent) -> NoteFacts:
    """What a note says that amends no other. The type implies the direction, unless it is given."""
    given = {name: value for name, value in content.items() if value is not None}
    return cast(
        "NoteFacts", {"contact_direction": _direction_of(content), **given, "customer_id": customer_id}
    )


class ContactNote(Aggregate):
    """A note, for ever as it was written. A note and those that amend it, one after another, are a chain."""

    OWNED_BY = (("customer_id", "Customer"),)

    class Written(Aggregate.Event):
        """``content`` is Markdown, unchanged."""

        PERSONAL = frozenset(("subject", "content"))

        customer_id: str
        note_type: str
        subject: str
        content: str
        priority: str
        sentiment: str
        created_by: str
        created_by_name: str | None = None
        contact_direction: str | None = None
        loan_account_id: str | None = None
        conversation_id: str | None = None
        amends_note_id: str | None = None

        def apply(self, aggregate: "ContactNote") -> None:
            aggregate.written = self

    class Amended(Aggregate.Event):
        """Another note took its place. It is stored in one transaction with what that note says."""

        PERSONAL = NOTHING

        by_note_id: str

        def apply(self, aggregate: "ContactNote") -> None:
            aggregate.amended_by_note_id = self.by_note_id

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.written: ContactNote.Written | None = None
        self.amended_by_note_id: str | None = None

    @absorbs
    def write(self, source: Source, *, author: Actor, **facts: Unpack[NoteFacts]) -> None:
        """Write it: ``facts`` as :func:`facts_of` or :meth:`facts_amended` give them.

        Raises AlreadyWrittenError.
        """
        if self.written is not None:
            raise AlreadyWrittenError
        self.record(source, self.Written(created_by=author.id, created_by_name=author.name, **facts))

    @absorbs
    def amend(
        self, source: Source, *, by: "ContactNote", author: Actor, **content: Unpack[NoteContent]
    ) -> None:
        """Write what amends it, in the note ``by``: save both together.

        Raises AlreadyAmendedError, and AlreadyWrittenError.
        """
        if self.amended_by_note_id is not None:
            raise AlreadyAmendedError(self.amended_by_note_id)
        by.write(source, author=author, **self.facts_amended(content))
        self.record(source, self.Amended(by_note_id=by.business_id))

    def facts_amended(self, content: NoteContent) -> NoteFacts:
        """What a note says that amends this one: what is not given, it inherits.

        A direction that is not given follows a type that is. None removes a link.
        """
        written = vars(self.written)
        inherited = {name: written.get(name) for name in _FACTS if name != "content"}
        if (direction := _direction_of(content)) is not None:
            inherited["contact_direction"] = direction
        facts = {**inherited, **content, "amends_note_id": self.business_id}
        return cast("NoteFacts", {name: value for name, value in facts.items() if value is not None})

    def is_that_of(self, author: Actor, facts: NoteFacts) -> bool:
        """Whether this person wrote just this."""
        if self.written is None or not same_person(self.written.created_by, author.id):
            return False
        written = vars(self.written)
        return all(written.get(name) == facts.get(name) for name in _FACTS)


def _direction_of(content: NoteContent) -> ContactDirection | None:
    return _DIRECTIONS.get(content.get("note_type", ""))
