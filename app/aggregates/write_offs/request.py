"""The write-off request: made by one person, decided once, by another."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Unpack
from uuid import UUID

from app.aggregates import two_people
from app.aggregates.base import NOTHING, Aggregate, Source, absorbs
from app.aggregates.personal import may_be
from app.aggregates.two_people import Actor, RefusedError, same_person
from app.aggregates.write_offs.facts import Decision, Outcome, RequestFacts, request_number
from app.errors import IdempotencyKeyReusedError


class WriteOffRequest(Aggregate):
    """A request to give up what is owed on a loan account."""

    OWNED_BY = (
        ("loan_account_id", "LoanAccount"),
        ("customer_id", "Customer"),
    )

    class Requested(Aggregate.Event):
        """``amount`` and ``original_balance`` are AUD."""

        PERSONAL = frozenset(("customer_name", "notes"))

        request_number: str
        loan_account_id: str
        amount: Decimal
        reason: str
        requested_by: str
        requested_by_name: str | None = None
        customer_id: str | None = None
        customer_name: str | None = None
        account_number: str | None = None
        original_balance: Decimal | None = None
        notes: str | None = None
        priority: str | None = None
        cause: str | None = None

        def apply(self, aggregate: "WriteOffRequest") -> None:
            aggregate.asked = self

    class RequestIgnored(Aggregate.Event):
        """The same request was made again: the first one counts."""

    class DecisionEvent(Aggregate.Event):
        """``decided_at`` is when the decision was made, which may be before the request arrived."""

        PERSONAL = frozenset(("comment",))
        OUTCOME: ClassVar[Outcome]

        by: str
        decided_at: datetime
        by_name: str | None = None
        comment: str | None = None
        ledger_event_id: str | None = None
        transaction_id: str | None = None

        def apply(self, aggregate: "WriteOffRequest") -> None:
            aggregate.outcome = self.OUTCOME
            if self.transaction_id or self.ledger_event_id:
                aggregate.posted_as = (self.transaction_id, self.ledger_event_id)

    class Approved(DecisionEvent):
        """``irregular``: the rules against which the ledger posted it, by the codes of their errors."""

        PERSONAL = frozenset(("comment",))
        OUTCOME = "Approved"

        irregular: list[str] | None = None

    class PostingFollowed(Aggregate.Event):
        """How far the ledger command is that posts what was approved here, until it is posted.

        ``status`` is the command's; ``code`` and ``message`` say why it is not posted, or not known to be:
        in the words of the ledger, or of the person who settled it by hand.
        """

        PERSONAL = frozenset(("message",))

        command_id: str
        status: str
        code: str | None = None
        message: str | None = None

        def apply(self, aggregate: "WriteOffRequest") -> None:
            aggregate.posting = self.status

    class PostedToLedger(Aggregate.Event):
        """The ledger posted what was approved here.

        ``irregular``: a report that overtook this one said that it had posted the request already.
        """

        PERSONAL = NOTHING

        transaction_id: str
        ledger_event_id: str | None = None
        irregular: list[str] | None = None

        def apply(self, aggregate: "WriteOffRequest") -> None:
            aggregate.posting = "posted"
            aggregate.posted_as = aggregate.posted_as or (self.transaction_id, self.ledger_event_id)

    class Rejected(DecisionEvent):
        OUTCOME = "Rejected"

    class Cancelled(DecisionEvent):
        OUTCOME = "Cancelled"

    class DecisionHeld(Aggregate.Event):
        """It arrived before its request, and waits for it."""

        PERSONAL = frozenset(("decision.comment",))

        outcome: Outcome
        decision: Decision

        def apply(self, aggregate: "WriteOffRequest") -> None:
            aggregate.held.append((self.outcome, self.decision))

    class DecisionIgnored(Aggregate.Event):
        """A decision that cannot count, and why: the code of the rule's error.

        ``irregular``: the ledger posted the request a second time.
        """

        PERSONAL = NOTHING

        outcome: str
        by: str
        why: str
        decided_at: datetime
        irregular: list[str] | None = None

    def __init__(self, business_id: str) -> None:
        super().__init__(business_id)
        self.asked: WriteOffRequest.Requested | None = None
        self.outcome: Outcome | None = None
        self.posting: str | None = None
        """The status of the ledger command that posts it, if one does."""
        self.posted_as: tuple[str | None, str | None] | None = None
        """The ledger's ids of its transaction and event, once it is posted."""
        self.held: list[tuple[Outcome, Decision]] = []

    @absorbs
    def request(
        self,
        source: Source,
        *,
        requested_by: str,
        requested_by_name: str | None = None,
        **facts: Unpack[RequestFacts],
    ) -> None:
        """A person requests a write-off."""
        if self.asked is not None:
            self.record(source, self.RequestIgnored())
            return
        asked = self.Requested(
            request_number=request_number(self.business_id),
            requested_by=requested_by,
            requested_by_name=requested_by_name,
            **facts,
        )
        self.record(source, asked)
        for outcome, decision in self.held:
            self._decide(source, outcome, decision)

    def is_made_by(self, actor: Actor, **facts: Unpack[RequestFacts]) -> bool:
        """Whether this person made this very request before.

        Raises IdempotencyKeyReusedError where the id belongs to another request.
        """
        if (known := self.asked) is not None:
            stored, asked = vars(known), dict[str, object](facts)
            if self.is_by(actor.id) and all(
                may_be(stored.get(name), asked.get(name)) for name in RequestFacts.__annotations__
            ):
                return True
            raise IdempotencyKeyReusedError
        if self.held:  # No request may be born decided.
            raise IdempotencyKeyReusedError("Take another key.")
        return False

    @absorbs
    def decide(self, source: Source, *, outcome: Outcome, **decision: Unpack[Decision]) -> None:
        """Upstream reports a decision.

        One that a rule forbids is ignored, unless the ledger has posted it: then the request is approved, and
        irregular.
        """
        decision["decided_at"] = source.at
        self._decide(source, outcome, decision)

    def approve(
        self, source: Source, *, actor: Actor, limits: two_people.Limits, owed: Decimal | None, comment: str
    ) -> None:
        """A second person approves. ``owed``: what the ledger would write off, if that is known.

        Raises RefusedError where the rule of two people, a limit, or what is owed forbids it.
        """
        asked = self.asked
        assert asked is not None
        for error in self._broken_rules("Approved", actor.id):
            raise error
        two_people.check_limit(limits, actor.role, max(asked.amount, owed or asked.amount))
        if owed is not None and owed != asked.amount:
            raise two_people.OwedDiffersError(asked.amount, owed)
        self._decide(source, "Approved", _decision(source, actor, comment))

    def reject(self, source: Source, *, actor: Actor, comment: str) -> None:
        """Another person rejects it. Raises OwnRequestError and AlreadyDecidedError."""
        if self.is_by(actor.id):
            raise two_people.OwnRequestError("Nobody rejects their own request. Cancel it instead.")
        for error in self._broken_rules("Rejected", actor.id):
            raise error
        self._decide(source, "Rejected", _decision(source, actor, comment))

    def cancel(self, source: Source, *, actor: Actor) -> None:
        """The requester withdraws it. Raises NotRequesterError and AlreadyDecidedError."""
        if not self.is_by(actor.id):
            raise two_people.NotRequesterError("Only the requester may cancel a request.")
        for error in self._broken_rules("Cancelled", actor.id):
            raise error
        self._decide(source, "Cancelled", _decision(source, actor))

    @absorbs
    def follow_posting(self, source: Source, *, event: PostingFollowed | PostedToLedger) -> None:
        """The ledger command that posts it made progress."""
        if isinstance(event, self.PostedToLedger):
            posted_as = (event.transaction_id, event.ledger_event_id)
            vars(event)["irregular"] = self._posted_again(posted_as)
        self.record(source, event)

    @property
    def is_open(self) -> bool:
        """Whether it awaits its decision, or the outcome of its posting."""
        return self.asked is not None and (self.outcome is None or self.posting in ("requested", "unknown"))

    is_unsettled = is_open  # The approver reads what was asked.

    @property
    def owners(self) -> list[UUID]:
        """The loan account, and the customer where one is named."""
        return [] if self.asked is None else self.owners_in(self.asked)

    def is_by(self, person: str) -> bool:
        """Whether this person made the request."""
        return self.asked is not None and same_person(person, self.asked.requested_by)

    def _broken_rules(self, outcome: Outcome, by: str) -> list[RefusedError]:
        """A request is decided once, and approved by a second person (contract: Write-offs)."""
        assert self.asked is not None
        broken: list[RefusedError] = []
        if outcome == "Approved" and (error := two_people.refusal(self.asked.requested_by, by)) is not None:
            broken.append(error)
        if self.outcome is not None:
            broken.append(two_people.AlreadyDecidedError("The request has already been decided."))
        return broken

    def _posted_again(self, posted_as: tuple[str | None, str | None]) -> list[str] | None:
        """The rule that is broken if the ledger posted the request before, under other ids."""
        pairs = zip(posted_as, self.posted_as or (), strict=False)
        return ["already_decided"] if any(one and other and one != other for one, other in pairs) else None

    def _decide(self, source: Source, outcome: Outcome, decision: Decision) -> None:
        if self.asked is None:
            self.record(source, self.DecisionHeld(outcome=outcome, decision=decision))
            return
        broken = [error.code for error in self._broken_rules(outcome, decision["by"])]
        posted_as = (decision.get("transaction_id"), decision.get("ledger_event_id"))
        if outcome == "Approved" and any(posted_as) and self.posted_as is None:
            if self.outcome == "Approved":  # It was approved by the rules, and here is its posting.
                broken.remove("already_decided")
            self.record(source, self.Approved(**decision, irregular=broken or None))
        elif broken:
            ignored = self.DecisionIgnored(
                outcome=outcome,
                by=decision["by"],
                why=broken[0],
                decided_at=decision["decided_at"],
                irregular=self._posted_again(posted_as),
            )
            self.record(source, ignored)
        else:
            classes = (self.Approved, self.Rejected, self.Cancelled)
            [event_class] = (each for each in classes if outcome == each.OUTCOME)
            self.record(source, event_class(**decision))


def _decision(source: Source, actor: Actor, comment: str | None = None) -> Decision:
    return Decision(by=actor.id, by_name=actor.name, decided_at=source.at, comment=comment)
