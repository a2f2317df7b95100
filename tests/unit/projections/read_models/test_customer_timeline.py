"""``customer-timeline``: what happened to a customer, in order of time, from all that they are linked to."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from bson.decimal128 import Decimal128

from app.aggregates import (
    Actor,
    CommandKind,
    ContactNote,
    Conversation,
    Customer,
    Intent,
    LedgerCommand,
    LoanAccount,
    WriteOffRequest,
)
from app.aggregates.contact_note import facts_of
from app.projections.engine.projection import event_classes
from app.projections.read_models.base import Options
from app.projections.read_models.customer_timeline.entries import SUBJECTS
from app.projections.read_models.customer_timeline.read_model import CustomerTimeline
from app.projections.read_models.customer_timeline.sentences import EVENTS
from tests.support.data.given import NOON, minute
from tests.support.data.projecting import Given, On, given

DAY = 24 * 60
TIMELINE = CustomerTimeline()
ANN, BOB = On(Customer, "C1"), On(Customer, "C2")
LOAN, CHAT = On(LoanAccount, "L1"), On(Conversation, "V1")
REQUEST, COMMAND = On(WriteOffRequest, "W1"), On(LedgerCommand, "K1")
TELLER = Actor("tom", "Tom Ray", "operations")
FINDER = Actor("fay", None, "admin")
INTENT = Intent(CommandKind.FEE_WAIVER, "L1", "key", amount=Decimal("20.00"))
WAIVER: dict[str, Any] = {"actor": TELLER, "intent": INTENT}
ASKED: dict[str, Any] = {
    "loan_account_id": "L1",
    "amount": Decimal("250.00"),
    "reason": "hardship",
    "requested_by": "ann",
}
MARCH, APRIL = "C1:2026-03", "C1:2026-04"


def entries(timeline: Given, month: str = MARCH) -> list[dict[str, Any]]:
    document = timeline.document(month)
    assert document is not None, timeline.ids()
    assert document["entryCount"] >= len(document["entries"])
    listed: list[dict[str, Any]] = document["entries"]
    assert listed == sorted(listed, key=lambda each: (each["at"], each["position"]))
    return listed


def words(timeline: Given, month: str = MARCH) -> list[str]:
    return [each["what"] for each in entries(timeline, month)]


def by_the_ledger() -> LedgerCommand.Posted:
    """Posted, as transaction T1."""
    return LedgerCommand.Posted(transaction_id="T1", ledger_event_id="E1", result={})


def test_an_entry_holds_no_personal_data() -> None:
    loan = given(TIMELINE, LOAN.open(at=0, customer_id="C1", current_balance=Decimal("100.00")))
    paid = {"current_balance": Decimal("80.00"), "triggered_by_transaction_type": "REPAYMENT"}
    loan.when(LOAN.update(at=5, last_payment_date="2026-03-01", **paid)).then(
        MARCH,
        customerId="C1",
        month="2026-03",
        entryCount=3,
        entries=[
            {
                "at": NOON,
                "position": 2,
                "what": "loan_opened",
                "text": "A loan account was opened.",
                "loanAccountId": "L1",
            },
            {
                "at": NOON,
                "position": 3,
                "what": "balance_changed",
                "text": "100.00 is owed.",
                "loanAccountId": "L1",
                "amount": Decimal128("100.00"),
            },
            {
                "at": minute(5),
                "position": 4,
                "what": "repayment_received",
                "text": "A repayment of 20.00 was received on 2026-03-01.",
                "loanAccountId": "L1",
                "amount": Decimal128("20.00"),
            },
        ],
    )


def test_entries_are_in_order_of_time_not_of_arrival() -> None:
    late = ANN.verify_identity(at=1, received=9)
    timeline = given(TIMELINE, ANN.report_details(at=2, first_name="Ann"), late)
    assert words(timeline) == ["identity_verified", "name_changed"]


def test_entries_of_one_time_are_in_store_order() -> None:
    step = ANN.report_details(at=2, first_name="Ann", email_address="ann@example.com", staff=True)
    assert words(given(TIMELINE, step)) == ["name_changed", "contact_details_changed", "flags_changed"]


def test_each_month_of_the_time_zone_has_a_document() -> None:
    last_hour_utc = 30 * DAY + 2 * 60  # 14:00 UTC of 31 March is 1:00 of 1 April in Sydney.
    timeline = given(TIMELINE, ANN.report_details(at=0, first_name="Ann"))
    timeline.when(ANN.report_details(at=last_hour_utc, first_name="Bea"))
    assert timeline.ids() == [MARCH, APRIL]
    assert entries(timeline, APRIL)[0]["at"] == NOON + timedelta(days=30, hours=2)


def test_events_before_the_link_appear_with_it() -> None:
    timeline = given(
        TIMELINE,
        LOAN.update(at=0, status="ACTIVE"),
        LOAN.update(at=31 * DAY, current_balance=Decimal("90.00")),
        CHAT.decide(at=1, decision="APPROVED", details={}),
    )
    assert timeline.ids() == []
    timeline.when(LOAN.open(at=2, received=32 * DAY, customer_id="C1"))
    assert words(timeline) == ["loan_status_changed", "loan_opened"]
    assert words(timeline, APRIL) == ["balance_changed"]
    timeline.when(CHAT.start(at=3, customer_id="C1"))
    assert words(timeline) == ["loan_status_changed", "decision_made", "loan_opened", "conversation_started"]


def test_a_transferred_account_leaves_its_past_with_the_first_customer() -> None:
    timeline = given(TIMELINE, LOAN.open(at=0, customer_id="C1"))
    timeline.when(LOAN.open(at=1, customer_id="C2"), LOAN.update(at=2, status="SUSPENDED"))
    assert words(timeline) == ["loan_opened"]
    assert words(timeline, "C2:2026-03") == ["loan_opened", "loan_status_changed"]


def test_a_money_command_is_its_accounts_customers() -> None:
    timeline = given(TIMELINE, LOAN.open(at=0, customer_id="C1"), COMMAND.request(at=1, **WAIVER))
    timeline.when(COMMAND.settle(at=2, outcome=by_the_ledger()))
    asked, posted = entries(timeline)[1:]
    assert (asked["what"], asked["text"]) == ("command_requested", "A fee waiver of 20.00 was requested.")
    assert asked["actor"] == "tom"
    assert posted == {
        "at": minute(2),
        "position": posted["position"],
        "what": "fee_waived",
        "text": "A fee waiver of 20.00 was posted.",
        "commandId": "K1",
        "loanAccountId": "L1",
        "amount": Decimal128("20.00"),
        "transactionId": "T1",
    }


def test_a_money_command_waits_at_its_account_for_the_customer() -> None:
    timeline = given(TIMELINE, COMMAND.request(at=1, **WAIVER)).when(
        COMMAND.attempt_failed(
            at=2, outcome=LedgerCommand.OutcomeUnknown(code="DEADLINE_EXCEEDED", message="?")
        )
    )
    assert timeline.ids() == []
    timeline.when(LOAN.open(at=0, received=3, customer_id="C1"))
    assert words(timeline) == ["loan_opened", "command_requested", "command_unknown"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("repayment", "repayment_posted"),
        ("late_fee", "fee_charged"),
        ("dishonour_fee", "fee_charged"),
        ("fee_waiver", "fee_waived"),
        ("adjustment", "balance_adjusted"),
        ("write_off", "written_off"),
    ],
)
def test_a_posted_command_is_named_by_its_kind(kind: str, expected: str) -> None:
    intent = replace(INTENT, kind=CommandKind(kind))
    timeline = given(TIMELINE, LOAN.open(customer_id="C1"), COMMAND.request(actor=TELLER, intent=intent))
    timeline.when(COMMAND.settle(outcome=by_the_ledger()))
    assert words(timeline)[-1] == expected


def test_an_adjustment_shows_its_total() -> None:
    deltas = {"amount": None, "principal_delta": Decimal("-30.00"), "fee_delta": Decimal("12.50")}
    intent = replace(INTENT, kind=CommandKind.ADJUSTMENT, **deltas)
    asked = COMMAND.request(actor=TELLER, intent=intent)
    [_, entry] = entries(given(TIMELINE, LOAN.open(customer_id="C1"), asked))
    assert (entry["text"], entry["amount"]) == (
        "An adjustment of -17.50 was requested.",
        Decimal128("-17.50"),
    )


@pytest.mark.parametrize(
    ("by", "what", "became"),
    [("bob", "command_refused", "was refused"), ("tom", "command_withdrawn", "was taken back")],
)
def test_a_command_is_withdrawn_by_its_requester_and_refused_by_another(
    by: str, what: str, became: str
) -> None:
    timeline = given(TIMELINE, LOAN.open(customer_id="C1"), COMMAND.request(**WAIVER, needs_approval=True))
    timeline.when(COMMAND.refuse(actor=Actor(by, None, "supervisor"), comment="no"))
    last = entries(timeline)[-1]
    assert (last["what"], last["text"]) == (what, f"A fee waiver of 20.00 {became}.")
    assert last["actor"] == by


@pytest.mark.parametrize("posted", [True, False])
def test_a_manual_settlement_names_its_person(posted: bool) -> None:
    timeline = given(TIMELINE, LOAN.open(customer_id="C1"), COMMAND.request(**WAIVER))
    timeline.when(
        COMMAND.settle_by_hand(
            actor=FINDER, posted=posted, because="books", transaction_id="T1" if posted else None
        )
    )
    last = entries(timeline)[-1]
    assert (last["what"], last["actor"]) == ("fee_waived" if posted else "command_rejected", "fay")
    assert last["text"] == f"A fee waiver of 20.00 was {'' if posted else 'not '}posted, as a person found."


def test_a_write_off_request_belongs_to_its_accounts_customer_not_to_the_one_it_names() -> None:
    timeline = given(
        TIMELINE, LOAN.open(at=0, customer_id="C1"), REQUEST.request(at=0, customer_id="C9", **ASKED)
    )
    timeline.when(REQUEST.decide(at=1, outcome="Approved", by="bob", transaction_id="T1"))
    _, asked, approved = entries(timeline)
    assert (asked["what"], asked["actor"]) == ("write_off_requested", "ann")
    assert (asked["requestId"], asked["loanAccountId"]) == ("W1", "L1")
    assert (approved["text"], approved["actor"]) == ("A write-off of 250.00 was approved.", "bob")
    assert approved["transactionId"] == "T1"


def test_a_write_off_request_waits_for_its_accounts_customer() -> None:
    timeline = given(
        TIMELINE, REQUEST.request(at=0, **ASKED), REQUEST.decide(at=1, outcome="Rejected", by="bob")
    )
    assert timeline.ids() == []
    timeline.when(LOAN.open(at=2, customer_id="C1"), REQUEST.decide(at=3, outcome="Cancelled", by="ann"))
    assert words(timeline) == ["write_off_requested", "write_off_rejected", "loan_opened"]


def test_a_decision_that_arrived_before_its_request_keeps_its_time() -> None:
    early = REQUEST.decide(at=1, outcome="Approved", by="bob")
    timeline = given(TIMELINE, early, REQUEST.request(at=5, **ASKED), LOAN.open(at=9, customer_id="C1"))
    assert words(timeline) == ["write_off_approved", "write_off_requested", "loan_opened"]


def test_a_note_belongs_to_its_customer_and_shows_its_type() -> None:
    said = {"note_type": "phone_inbound", "subject": "Fee", "content": "?", "priority": "low"}
    said |= {"sentiment": "neutral", "loan_account_id": "L1"}
    amended = facts_of("C1", said) | {"amends_note_id": "N1"}
    timeline = given(TIMELINE, On(ContactNote, "N1").write(at=1, author=TELLER, **facts_of("C1", said)))
    timeline.when(On(ContactNote, "N2").write(at=2, author=TELLER, **amended))
    first, second = entries(timeline)
    assert first == {
        "at": minute(1),
        "position": first["position"],
        "what": "note_added",
        "text": "A note (phone inbound) was added.",
        "noteId": "N1",
        "loanAccountId": "L1",
        "actor": "tom",
    }
    assert (second["what"], second["noteId"]) == ("note_amended", "N2")


def test_a_repeated_status_is_left_out() -> None:
    def aged(day: int, days_past_due: int) -> Any:
        return LOAN.update_aging(at=day * DAY, days_past_due=days_past_due, bucket="early_arrears")

    timeline = given(TIMELINE, LOAN.open(at=0, customer_id="C1"), aged(1, 0), aged(2, 0), aged(3, 1))
    timeline.when(
        aged(4, 0), ANN.report_details(at=5, first_name="A"), ANN.report_details(at=6, first_name="B")
    )
    found = [each["text"] for each in entries(timeline) if each["what"] == "arrears_changed"]
    assert found == [f"The loan is {days} days past due, in the bucket early arrears." for days in (0, 1, 0)]
    assert words(timeline).count("name_changed") == 2


def test_the_newest_entries_are_kept_and_all_are_counted() -> None:
    few = CustomerTimeline(Options(max_timeline_entries=3))
    timeline = given(few, *(ANN.report_details(at=at, first_name=str(at)) for at in range(5)))
    timeline.when(ANN.verify_identity(at=-9, received=9))
    timeline.shows(MARCH, entryCount=6)
    assert [each["at"] for each in entries(timeline)] == [minute(2), minute(3), minute(4)]


def test_the_newest_entries_wait_and_all_are_counted() -> None:
    few = CustomerTimeline(Options(max_timeline_entries=3))
    decisions = (CHAT.decide(at=at * 10 * DAY, decision="APPROVED", details={}) for at in range(5))
    timeline = given(few, *decisions).when(CHAT.start(at=41 * DAY, customer_id="C1"))
    timeline.shows(MARCH, entryCount=4).shows(APRIL, entryCount=2)
    assert [each["at"] for each in entries(timeline)] == [minute(20 * DAY), minute(30 * DAY)]


def test_a_chat_belongs_to_the_customer_its_messages_mention() -> None:
    timeline = given(TIMELINE, CHAT.summarise(at=1, purpose="A car"), CHAT.meet(at=2, customer_id="C1"))
    assert words(timeline) == ["conversation_summarised"]


def test_chat_messages_and_notices_are_left_out() -> None:
    said = CHAT.add_utterance(at=1, username="customer", utterance="my name is Ann")
    posted = CHAT.post_notice(at=2, agent_name="risk", content={"name": "Ann"})
    assert words(given(TIMELINE, CHAT.start(at=0, customer_id="C1"), said, posted)) == [
        "conversation_started"
    ]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("awaiting_documents", "The conversation is now awaiting documents."),
        ("Ann Lee of 4 High St, 0491 570 006", "The conversation has another status."),
    ],
)
def test_a_status_that_is_more_than_a_word_is_not_quoted(status: str, text: str) -> None:
    timeline = given(TIMELINE, CHAT.start(customer_id="C1"), CHAT.change_status(status=status))
    assert entries(timeline)[-1]["text"] == text


def test_each_event_is_shown_or_left_out_on_purpose() -> None:
    left_out = {
        "Created",
        "Registered",
        "NothingNewReported",
        "ParticipantsMet",
        "UtteranceAdded",
        "NoticePosted",
        "RequestIgnored",
        "DecisionHeld",
        "DecisionIgnored",
        "PostedToLedger",
        "PostingFollowed",
        "Amended",
        "PersonalDataErased",
    }
    kinds = (Customer, LoanAccount, Conversation, ContactNote, WriteOffRequest, LedgerCommand)
    known = {each for kind in kinds for each in event_classes(kind)}
    assert {each.__name__ for each in known - set(EVENTS)} == left_out
    assert set(EVENTS) <= known == set(SUBJECTS)
