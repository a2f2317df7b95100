"""Every fact of customers, loans, chats, write-offs and money movements, as stored events."""

from decimal import Decimal
from threading import Event
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
from app.event_store.erasure import erase_customer
from app.ingestion.messages.catalogue import CATALOGUE, Message, read_entry
from app.ingestion.messages.customers import ResidentialAddress
from app.ingestion.messages.rejection import RejectedError
from app.ingestion.stream.apply import apply_messages
from tests.support.data.given import Step, absorb, message
from tests.unit.ingestion.samples import filled
from tests.unit.projections.read_models.test_properties import entries
from tools.lender_day import sample

ID = "ACTIVE"
"""What ``filled`` writes for every text, and so for every identifier."""

_PAYMENT = {
    "payment_number": 1,
    "status": "PARTIAL",
    "paid_date": "2026-03-16",
    "amount_paid": "100.00",
    "amount_remaining": "190.00",
    "linked_transaction_ids": ["T1"],
    "last_updated": "2026-03-16T09:00:00Z",
}
_NESTED: list[tuple[str, dict[str, Any]]] = [
    ("customer.changed.v1", {"customer_id": ID, "residential_address": filled(ResidentialAddress)}),
    (
        "account.schedule.created.v1",
        {
            "account_id": ID,
            "schedule_id": ID,
            "payments": [{"payment_number": 1, "due_date": "2026-03-15", "amount": "290.00"}],
        },
    ),
    ("account.schedule.updated.v1", {"account_id": ID, "schedule_id": ID, "payments": [_PAYMENT]}),
    *(
        (f"account.{kind}.v1", {"account_id": f"ended {number}", **facts})
        for number, reason in enumerate(("WRITTEN_OFF", "ADMIN_CLOSED"))
        for kind, facts in (
            ("created", {"customer_id": ID, "status": "ACTIVE", "current_balance": "290.00"}),
            ("closed", {"closure_reason": reason, "final_balance": "100.00"}),
        )
    ),
    ("account.status_changed.v1", {"account_id": "reopened", "new_status": "CLOSED"}),
    ("account.status_changed.v1", {"account_id": "reopened", "new_status": "ACTIVE"}),
    ("noticeboard_post", {"agentName": "credit::Serviceability", "content": {"surplus": 12}}),
    ("applicationDetail_changed", {"customer": {"customer_id": ID}, "employment": {"pay.slips": [1]}}),
    ("user_input", {"utterance": "Hello", "additional_data": {"$form": ["a", None]}}),
]
_ANN, _BOB = Actor("ann", "Ann Lee", "operations"), Actor("bob", "Bob May", "supervisor")
_SUM = {"amount": Decimal("20.00")}
_DELTAS = {"principal_delta": Decimal("-30.00"), "fee_delta": Decimal("-5.50")}
_ASKED = {"loan_account_id": ID, "amount": Decimal("9.00"), "reason": "other", "requested_by": "ann"}
_PLAIN = {"priority": "normal", "sentiment": "neutral"}


def everything() -> Servicing:
    """A store with all of it: each message with every key, what is nested in them, and the demo's lender."""
    servicing = Servicing.in_memory()
    samples = [
        (kind, filled(model) or {"score": 1, "by": {"$ok": True}}) for kind, model in CATALOGUE.items()
    ]
    _apply(servicing, [_read(*entry) for entry in entries(samples + _NESTED)])
    lender = [
        (f"{number}-0".encode(), {name.encode(): value.encode() for name, value in entry.items()})
        for number, entry in enumerate(sample(customers=12), start=1)
    ]
    _apply(servicing, [_read(*entry) for entry in lender])
    too_large = {"kind": "fraudCheck", "result": {"text": "x" * 600_000}}
    cut = Step(Conversation, "CUT", "record_assessment", message("cut", at=1), too_large)
    absorb(servicing, [*_money(), *_posted_write_off(), cut])
    _write_notes(servicing)
    _erase(servicing)
    return servicing


def _read(entry_id: bytes, fields: dict[bytes, bytes]) -> Message | None:
    """None for the sample's poison too."""
    try:
        return read_entry("inbox", entry_id, fields, 10**6)
    except RejectedError:
        return None


def _apply(servicing: Servicing, messages: list[Message | None]) -> None:
    applied = apply_messages(servicing, [message for message in messages if message is not None], Event())
    assert not applied.failed
    assert not applied.rejected


def _money() -> list[Step]:
    """A command of every kind and end."""
    by_hand = {"actor": _BOB, "because": "found in the books"}
    agreed = {"actor": _BOB, "limits": {_BOB.role: None}, "comment": "agreed"}
    capped = LedgerCommand.Rejected(code="FAILED_PRECONDITION", message="capped")
    return [
        *_command("K1", "repayment", _SUM, _posted()),
        *_command(
            "K2",
            "late_fee",
            _SUM,
            ("settle", {"outcome": capped}),
        ),
        *_command("K3", "dishonour_fee", _SUM, _lost()),
        *_command(
            "K4",
            "fee_waiver",
            _SUM,
            _lost(),
            _posted(),
        ),
        *_command(
            "K5",
            "adjustment",
            _DELTAS,
            ("approve", agreed),
            _posted(),
        ),
        *_command("K6", "adjustment", _DELTAS, ("refuse", {"actor": _BOB, "comment": "not so much"})),
        *_command("K9", "adjustment", _DELTAS, ("refuse", {"actor": _ANN, "comment": "a mistake of mine"})),
        *_command(
            "K7",
            "write_off",
            _SUM | {"details": {"request_id": "W1", "requested_by": "cyd", "requested_by_name": "Cyd Ray"}},
            _lost(),
            ("settle_by_hand", by_hand | {"posted": True, "transaction_id": "T3"}),
        ),
        *_command(
            "K8",
            "repayment",
            _SUM,
            _lost(),
            ("settle_by_hand", by_hand | {"posted": False, "transaction_id": None}),
        ),
    ]


def _posted() -> tuple[str, dict[str, Any]]:
    result = {"type": "REPAYMENT"}
    outcome = LedgerCommand.Posted(transaction_id="T2", ledger_event_id="E2", result=result)
    return "settle", {"outcome": outcome}


def _lost() -> tuple[str, dict[str, Any]]:
    outcome = LedgerCommand.OutcomeUnknown(code="DEADLINE_EXCEEDED", message="no answer")
    return "attempt_failed", {"outcome": outcome}


def _command(
    key: str, kind: str, what: dict[str, Any], *then: tuple[str, dict[str, Any]], account: str = ID
) -> list[Step]:
    intent = Intent(CommandKind(kind), account, key, reason="why", **what)
    approval = any(name in ("approve", "refuse") for name, _ in then)
    asked = {"actor": _ANN, "intent": intent, "needs_approval": approval}
    steps = (("request", asked), *then)
    return [
        Step(LedgerCommand, key, name, message(f"{key}/{number}", at=number), facts)
        for number, (name, facts) in enumerate(steps)
    ]


def _write_notes(servicing: Servicing) -> None:
    """A note, and another that amends it."""
    unit, source = servicing.unit_of_work(), message("n1", at=1)
    facts = {
        "loan_account_id": ID,
        "conversation_id": ID,
        "note_type": "phone_inbound",
        "subject": "The fee",
        "content": "Says that the fee is wrong.",
        "priority": "high",
        "sentiment": "negative",
    }
    first, second = (unit.obtain(ContactNote, name, source) for name in ("N1", "N2"))
    first.write(source, author=_ANN, **facts_of(ID, facts))
    first.amend(message("n2", at=2), by=second, author=_BOB, content="It was right.")
    unit.commit()


def _erase(servicing: Servicing) -> None:
    """A customer who had one of everything, and was erased."""
    gone, asked = "GONE", message("gone", at=1)
    absorb(
        servicing,
        [
            Step(Customer, gone, "report_details", message("gone 1", at=1), {"first_name": "Eve"}),
            Step(LoanAccount, gone, "open", asked, {"customer_id": gone, "status": "CLOSED"}),
            Step(Conversation, gone, "start", asked, {"customer_id": gone}),
            Step(WriteOffRequest, gone, "request", asked, _ASKED | {"loan_account_id": gone}),
            Step(
                WriteOffRequest, gone, "decide", message("gone 2", at=2), {"outcome": "Rejected", "by": "bob"}
            ),
            *_command(
                gone,
                "repayment",
                _SUM,
                _posted(),
                account=gone,
            ),
        ],
    )
    unit = servicing.unit_of_work()
    note = facts_of(gone, {"note_type": "sms", "subject": "Hello", "content": "Hello"} | _PLAIN)
    unit.obtain(ContactNote, gone, asked).write(asked, author=_ANN, **note)
    unit.commit()
    erase_customer(servicing, gone, _BOB, "asked for by letter")


def _posted_write_off() -> list[Step]:
    """Write-offs: two were approved over the API, one posted and one rejected; one is irregular."""
    asked, approved = _ASKED, {"outcome": "Approved", "by": "bob"}
    irregular = approved | {"by": "ann", "transaction_id": "T5"}
    posting = WriteOffRequest.PostedToLedger(transaction_id="T4", ledger_event_id="E4")
    following = WriteOffRequest.PostingFollowed(command_id="K7", status="requested")
    rejected = WriteOffRequest.PostingFollowed(
        command_id="K9", status="rejected", code="FAILED_PRECONDITION", message="nothing is owed"
    )
    return [
        Step(WriteOffRequest, "W1", "request", message("w1", at=1), asked),
        Step(WriteOffRequest, "W1", "decide", message("w2", at=2), approved),
        Step(WriteOffRequest, "W1", "follow_posting", message("w4", at=3), {"event": following}),
        Step(WriteOffRequest, "W1", "follow_posting", message("w3", at=3), {"event": posting}),
        Step(WriteOffRequest, "W2", "request", message("w5", at=1), asked),
        Step(WriteOffRequest, "W2", "decide", message("w6", at=2), approved),
        Step(WriteOffRequest, "W2", "follow_posting", message("w7", at=3), {"event": rejected}),
        Step(WriteOffRequest, "W3", "request", message("w8", at=1), asked | {"cause": "click"}),
        Step(WriteOffRequest, "W3", "decide", message("w9", at=2), irregular),
    ]
