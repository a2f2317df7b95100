"""A customer with one of everything, each with words that nobody may read once they are erased."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

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
from app.event_store.application import Servicing
from app.event_store.erasure import Erased, erase_customer
from tests.support.data.given import Step, absorb, message

SECRET = "Wilhelmina"
"""In every personal fact that is a text."""
EVE, ANN, BOB = (
    Actor("eve", "Eve Mar", "admin"),
    Actor("ann", None, "operations"),
    Actor("bob", None, "admin"),
)
REASON = "asked for by letter of 2 March"


def everything_of(customer_id: str, name: str) -> Iterator[Step]:
    """Messages of a loan account, a chat, a request and a command, all called ``name``, and settled."""

    def step(kind: type, command: str, number: int, /, **arguments: Any) -> Step:
        source = message(f"{customer_id}/{name}/{kind.__name__}/{command}/{number}", at=number)
        identifier = customer_id if kind is Customer else name
        return Step(kind, identifier, command, source, arguments)

    who = {"first_name": SECRET, "last_name": "Moss", "email_address": f"{SECRET}@example.com"}
    home = {"street_name": SECRET, "suburb": "Perth"}
    yield step(
        Customer,
        "report_details",
        1,
        **who,
        mobile_phone_number=f"0400 {SECRET}",
        date_of_birth="1990-02-03",
        residential_address=home,
        vulnerable=True,
        ekyc_status="successful",
    )
    yield step(Conversation, "add_utterance", 2, username="customer", utterance=f"I am {SECRET}")
    yield step(Conversation, "start", 3, customer_id=customer_id, application_number="A1")
    yield step(Conversation, "change_application", 4, application_data={"employer": SECRET, "pay": "9.00"})
    yield step(Conversation, "record_assessment", 5, kind="fraud_check", result={"name": SECRET})
    yield step(
        Conversation, "post_notice", 6, agent_name="credit", topic=f"Pay of {SECRET}", content={"who": SECRET}
    )
    yield step(Conversation, "decide", 7, decision="APPROVED", details={"reason": f"{SECRET} earns enough"})
    yield step(Conversation, "summarise", 8, purpose=f"A bed for {SECRET}", facts=[SECRET])
    yield step(
        LoanAccount,
        "open",
        9,
        customer_id=customer_id,
        status="ACTIVE",
        current_balance=Decimal("620.00"),
        account_number="123",
        signed_loan_agreement_url=f"https://example.com/{SECRET}.pdf",
    )
    yield step(
        WriteOffRequest,
        "request",
        10,
        loan_account_id=name,
        amount=Decimal("20.00"),
        reason="hardship",
        requested_by="ann",
        customer_name=SECRET,
        notes=f"{SECRET} is ill",
    )
    yield step(WriteOffRequest, "decide", 11, outcome="Rejected", by="bob", comment=f"{SECRET} can pay")
    yield step(
        LedgerCommand,
        "request",
        12,
        actor=ANN,
        intent=Intent(
            CommandKind.REPAYMENT,
            name,
            name,
            amount=Decimal("600.00"),
            reason=f"for {SECRET}",
            details={"notes": f"by {SECRET}", "payment_reference": SECRET, "payment_method": "card"},
        ),
        needs_approval=True,
    )
    yield step(LedgerCommand, "refuse", 13, actor=BOB, comment=f"{SECRET} paid already")
    yield step(LoanAccount, "close", 14, reason="PAID_OFF", final_balance=Decimal("0.00"))


def know(servicing: Servicing, customer_id: str, name: str) -> None:
    """Absorb all of it, one after the other, and write a note."""
    for each in everything_of(customer_id, name):
        absorb(servicing, [each])
    write_note(servicing, customer_id, f"{name}-note")


def write_note(servicing: Servicing, customer_id: str, note_id: str) -> None:
    """Ann writes a note about a customer."""
    note = {"note_type": "sms", "subject": SECRET, "content": f"Rang {SECRET}."}
    facts = facts_of(customer_id, note | {"priority": "normal", "sentiment": "neutral"})
    source, unit = message(note_id, at=15), servicing.unit_of_work()
    unit.obtain(ContactNote, note_id, source).write(source, author=ANN, **facts)
    unit.commit()


def erase(servicing: Servicing, customer_id: str = "C1", **more: Any) -> Erased:
    """Eve erases a customer."""
    return erase_customer(servicing, customer_id, EVE, **({"reason": REASON} | more))


def stored_bytes(servicing: Servicing) -> bytes:
    """All that the store holds of events."""
    return b"".join(each.state for each in servicing.page(0, servicing.max_position(), 1_000_000))
