"""The money movement asked of the ledger: stored before the ledger is asked, settled by what it answers.

A command has one idempotency key for ever, the caller's own, which goes to the ledger unchanged. So the
money moves once, even if the command is sent again, after a crash say.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from app.aggregates.base import NOTHING, Aggregate, Source, absorbs
from app.aggregates.intent import CommandKind, Details, Intent, moved
from app.aggregates.personal import Json, may_be
from app.aggregates.two_people import (
    Actor,
    AlreadyDecidedError,
    Limits,
    RefusedError,
    check_limit,
    refusal,
    same_person,
)

NOT_POSTED = "NOT_POSTED"
"""A code of ours beside the ledger's: a person found that it was not posted."""


class SettlesByItselfError(RefusedError):
    """A command that needs no person."""

    code = "settles_by_itself"


class CommandStatus(StrEnum):
    """How far it is. ``unknown``: it was sent, and its outcome is not known; that is not failure."""

    REQUESTED = "requested"
    POSTED = "posted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class LedgerCommand(Aggregate):
    """A request to move money: who made it, and how the ledger answered."""

    OWNED_BY = (("loan_account_id", "LoanAccount"),)

    class TellingEvent(Aggregate.Event):
        """An event that the command's document is made of."""

        def note(self, aggregate: Aggregate) -> None:
            super().note(aggregate)
            assert isinstance(aggregate, LedgerCommand)
            aggregate.story.append(self)

    class Requested(TellingEvent):
        """The intent, whole: what is sent is made of this. Amounts are AUD.

        ``details``: by their names in the ledger's contract. ``needs_approval``: by a second person, first.
        """

        PERSONAL = frozenset(("reason", "details.notes", "details.payment_reference"))

        kind: CommandKind
        loan_account_id: str
        idempotency_key: str
        requested_by: str
        requested_role: str
        requested_by_name: str | None = None
        amount: Decimal | None = None
        principal_delta: Decimal | None = None
        fee_delta: Decimal | None = None
        reason: str | None = None
        details: Details | None = None
        needs_approval: bool | None = None

        def apply(self, aggregate: "LedgerCommand") -> None:
            aggregate.intent = self
            aggregate.status = CommandStatus.REQUESTED
            aggregate.awaits_approval = bool(self.needs_approval)
            aggregate.sent_from = self.timestamp

    class Approved(TellingEvent):
        """A second person agreed: from now on it is sent."""

        PERSONAL = frozenset(("comment",))

        by: str
        role: str
        by_name: str | None = None
        comment: str | None = None

        def apply(self, aggregate: "LedgerCommand") -> None:
            aggregate.awaits_approval = False
            aggregate.approved_by = self.by
            aggregate.sent_from = self.timestamp

    class Refused(TellingEvent):
        """A second person did not agree, or the requester withdrew it: it is never sent."""

        PERSONAL = frozenset(("comment",))

        by: str
        role: str
        comment: str
        by_name: str | None = None

        def apply(self, aggregate: "LedgerCommand") -> None:
            aggregate.awaits_approval = False
            aggregate.status = CommandStatus.REJECTED
            aggregate.outcome = self

    class Posted(TellingEvent):
        """The ledger posted it; ``result`` is the rest of its answer.

        ``by_settler``: it said so when it was asked again, with the same key.
        """

        PERSONAL = NOTHING

        transaction_id: str
        ledger_event_id: str | None = None
        result: dict[str, Json] | None = None
        by_settler: bool | None = None

        def apply(self, aggregate: "LedgerCommand") -> None:
            aggregate.status = CommandStatus.POSTED
            aggregate.outcome = self

    class Rejected(TellingEvent):
        """The ledger rejected it. ``code`` is the gRPC status, ``message`` the ledger's own words."""

        PERSONAL = NOTHING

        code: str
        message: str
        by_settler: bool | None = None

        def apply(self, aggregate: "LedgerCommand") -> None:
            aggregate.status = CommandStatus.REJECTED
            aggregate.outcome = self
            aggregate.fault = (self.code, self.message)

    class OutcomeUnknown(TellingEvent):
        """It was sent, and no answer came: it may be posted."""

        PERSONAL = NOTHING

        code: str
        message: str

        def apply(self, aggregate: "LedgerCommand") -> None:
            aggregate.status = CommandStatus.UNKNOWN
            aggregate.fault = (self.code, self.message)

    class SettledByHand(TellingEvent):
        """A person looked into the ledger's books and reports the outcome: ``posted`` or not."""

        PERSONAL = frozenset(("because",))

        posted: bool
        by: str
        role: str
        because: str
        by_name: str | None = None
        transaction_id: str | None = None

        def apply(self, aggregate: "LedgerCommand") -> None:
            aggregate.status = CommandStatus.POSTED if self.posted else CommandStatus.REJECTED
            aggregate.outcome = self
            aggregate.fault = None if self.posted else (NOT_POSTED, self.because)

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.intent: LedgerCommand.Requested | None = None
        self.status: CommandStatus | None = None
        self.awaits_approval = False
        self.approved_by: str | None = None
        self.sent_from: datetime | None = None
        """Since when it may have been sent: the ledger remembers a key for 24 hours only."""
        self.fault: tuple[str, str] | None = None
        """Why it is not posted, or not known to be: a code, and the words of its source."""
        self.outcome: Outcome | None = None
        """The event that settled it."""
        self.story: list[LedgerCommand.TellingEvent] = []
        """The events that its document is made of: a handful."""

    @property
    def is_settled(self) -> bool:
        """Whether the outcome is known, and so final."""
        return self.status in (CommandStatus.POSTED, CommandStatus.REJECTED)

    @property
    def may_be_posted(self) -> bool:
        """Whether it may have been sent, and its outcome is not known."""
        return self.is_unsettled and not self.awaits_approval

    @property
    def is_unsettled(self) -> bool:
        """Whether it is requested and its outcome unknown: its facts are what is sent again."""
        return self.intent is not None and not self.is_settled

    @property
    def owners(self) -> list[UUID]:
        """The loan account."""
        return [] if self.intent is None else self.owners_in(self.intent)

    def asks_for(self, intent: Intent) -> bool:
        """Whether it is of this intent, as far as it can still be read: erased facts may be any.

        A retry of what moved money must find that it did.
        """
        if self.intent is None:
            return False
        stored = vars(self.intent)
        return all(may_be(stored.get(name), value) for name, value in vars(intent).items())

    def is_approved_by(self, person: str) -> bool:
        """Whether this person approved it."""
        return self.approved_by is not None and same_person(self.approved_by, person)

    @absorbs
    def request(self, source: Source, *, actor: Actor, intent: Intent, needs_approval: bool = False) -> None:
        """A caller requests a movement."""
        asked = self.Requested(
            requested_by=actor.id,
            requested_by_name=actor.name,
            requested_role=actor.role,
            needs_approval=needs_approval or None,
            **vars(intent),
        )
        self.record(source, asked)

    def approve(self, source: Source, *, actor: Actor, limits: Limits, comment: str | None = None) -> None:
        """A second person agrees. Raises RefusedError where the rule of two people or a limit forbids it."""
        asked = self._pending_intent()
        if (error := refusal(asked.requested_by, actor.id)) is not None:
            raise error
        check_limit(limits, actor.role, moved(asked.principal_delta, asked.fee_delta))
        self.record(source, self.Approved(by=actor.id, by_name=actor.name, role=actor.role, comment=comment))

    def refuse(self, source: Source, *, actor: Actor, comment: str) -> None:
        """A second person does not agree, or the requester withdraws it. Raises AlreadyDecidedError."""
        self._pending_intent()
        self.record(source, self.Refused(by=actor.id, by_name=actor.name, role=actor.role, comment=comment))

    @absorbs
    def settle(self, source: Source, *, outcome: Posted | Rejected) -> None:
        """The ledger reports the final outcome. The first one counts."""
        if not self.is_settled:
            self.record(source, outcome)

    @absorbs
    def attempt_failed(self, source: Source, *, outcome: OutcomeUnknown | Rejected) -> None:
        """The only attempt so far got no answer, or the ledger has no such operation; said once."""
        if self.status is CommandStatus.REQUESTED:
            self.record(source, outcome)

    def settle_by_hand(
        self,
        source: Source,
        *,
        actor: Actor,
        posted: bool,
        because: str,
        transaction_id: str | None,
        is_sent: bool = False,
    ) -> None:
        """A person reports the outcome of another person's command.

        ``is_sent``: it is still sent again, and so settles by itself. Raises RefusedError then, for the
        requester, for a machine, and unless its outcome is unknown.
        """
        assert self.intent is not None
        error = refusal(self.intent.requested_by, actor.id, "settle", machine_may_ask=True)
        if error is not None:
            raise error
        if is_sent or not self.may_be_posted:
            raise SettlesByItselfError("It is settled, awaits approval, or is still being sent again.")
        settled = self.SettledByHand(
            posted=posted,
            by=actor.id,
            by_name=actor.name,
            role=actor.role,
            because=because,
            transaction_id=transaction_id,
        )
        self.record(source, settled)

    def _pending_intent(self) -> Requested:
        if self.intent is None or not self.awaits_approval:
            raise AlreadyDecidedError("It does not await approval.")
        return self.intent


Outcome = LedgerCommand.Posted | LedgerCommand.Rejected | LedgerCommand.Refused | LedgerCommand.SettledByHand
