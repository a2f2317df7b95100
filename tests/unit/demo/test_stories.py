"""The simulated lender's stories: valid messages, in order of time, and books that add up."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import pytest

from app.demo.lender import Lender
from app.demo.publishers import SYDNEY, TimedEntry
from app.ingestion.messages.catalogue import CATALOGUE, Message, read_entry
from app.ingestion.messages.rejection import RejectedError

NOW = datetime(2026, 3, 2, 3, 5, tzinfo=UTC)
TODAY = NOW.astimezone(SYDNEY).date()
NUMBERS = range(1, 101)
LENDER = Lender(7, debits_at=time(14, 0))
"""Its direct debits are settled from 03:00 to 03:10 UTC."""


class Report(NamedTuple):
    """A message about a loan account."""

    day: date
    kind: str
    payload: dict[str, Any]


@cache
def stories() -> list[list[TimedEntry]]:
    return [LENDER.story(number, LENDER.applied_at(number, NOW), NOW) for number in NUMBERS]


@cache
def loans() -> list[list[Report]]:
    """The reports on each loan account."""
    found: dict[str, list[Report]] = {}
    for each in (each for story in stories() for each in story):
        if '"account_id"' in each.entry.get("payload", ""):
            payload = json.loads(each.entry["payload"])
            report = Report(each.at.astimezone(SYDNEY).date(), each.entry["event_type"], payload)
            found.setdefault(payload["account_id"], []).append(report)
    return list(found.values())


def movements(loan: list[Report]) -> Iterator[tuple[str, Decimal]]:
    """The type and amount of each change of the balance."""
    owed = Decimal(0)
    for report in loan:
        if report.kind == "account.updated.v1":
            balance = Decimal(report.payload["current_balance"])
            yield report.payload["triggered_by_transaction_type"], balance - owed
            owed = balance


def closure(loan: list[Report]) -> dict[str, Any] | None:
    return next((each.payload for each in loan if each.kind == "account.closed.v1"), None)


def owed(loan: list[Report]) -> Decimal:
    return sum((amount for _, amount in movements(loan)), Decimal(0))


def instalments(loan: list[Report], day: date) -> dict[int, dict[str, Any]]:
    """The newest plan as it was reported until the end of that day."""
    plan: dict[int, dict[str, Any]] = {}
    for report in loan:
        if report.day > day:
            break
        if report.kind == "account.schedule.created.v1":
            plan = {each["payment_number"]: dict(each) for each in report.payload["payments"]}
        elif report.kind == "account.schedule.updated.v1":
            for each in report.payload["payments"]:
                plan[each["payment_number"]].update(each)
    return plan


def read(each: TimedEntry) -> Message | None:
    """As it came in. Raises RejectedError."""
    fields = {name.encode(): value.encode() for name, value in each.entry.items()}
    return read_entry("inbox", f"{int(each.at.timestamp() * 1_000)}-0".encode(), fields, 256 * 1024)


def test_every_message_is_valid_and_comes_in_order_of_time() -> None:
    types = set()
    for story in stories():
        assert [each.at for each in story] == sorted(each.at for each in story)
        for each in story:
            message = read(each)
            assert message is not None
            types.add(message.envelope.type)
            assert abs(message.envelope.source.at - each.at) < timedelta(seconds=61)
            assert message.envelope.source.at <= NOW
    assert types == set(CATALOGUE)


def test_movements_have_every_type_and_ids_of_their_own() -> None:
    kinds = Counter(kind for loan in loans() for kind, _ in movements(loan))
    fees = {"LATE_FEE", "DISHONOUR_FEE", "FEE_WAIVER", "ADJUSTMENT"}
    assert set(kinds) == {"DISBURSEMENT", "REPAYMENT"} | fees
    ids = [
        report.payload["triggered_by_transaction_id"]
        for loan in loans()
        for report in loan
        if report.kind == "account.updated.v1"
    ]
    assert len(ids) == len(set(ids))


def test_paid_owed_and_written_off_are_what_is_payable() -> None:
    endings = Counter[str]()
    for loan in loans():
        moved = Counter[str]()
        for kind, amount in movements(loan):
            assert (amount > 0) == (kind in ("DISBURSEMENT", "LATE_FEE", "DISHONOUR_FEE"))
            moved[kind] += amount  # type: ignore[assignment]
        terms = next(each.payload for each in loan if each.kind == "account.created.v1")
        assert moved["DISBURSEMENT"] == Decimal(terms["loan_total_payable"])
        assert owed(loan) >= 0
        if (closed := closure(loan)) is not None:
            assert Decimal(closed["total_paid"]) == -moved["REPAYMENT"]
            assert Decimal(closed["final_balance"]) == owed(loan)
            assert (owed(loan) > 0) == (closed["closure_reason"] == "WRITTEN_OFF")
            endings[closed["closure_reason"]] += 1
    assert set(endings) == {"PAID_OFF", "WRITTEN_OFF"}


def test_instalments_and_fees_add_up_to_the_balance() -> None:
    for loan in loans():
        plan = instalments(loan, TODAY).values()
        moved = Counter[str]()
        for kind, amount in movements(loan):
            moved[kind] += amount  # type: ignore[assignment]
        if closure(loan) is None and not moved["ADJUSTMENT"]:
            left = sum(Decimal(each.get("amount_remaining", each["amount"])) for each in plan)
            fees = moved["LATE_FEE"] + moved["DISHONOUR_FEE"] + moved["FEE_WAIVER"]
            assert left <= owed(loan) <= left + max(0, fees)


def test_aging_is_the_age_of_the_oldest_unpaid_instalment() -> None:
    checked = Counter[str]()
    for loan in loans():
        for report in (each for each in loan if each.kind == "loan.aging.updated.v1"):
            checked[report.payload["bucket"]] += 1
            if report.payload["bucket"] != "closed":
                yesterday = report.day - timedelta(days=1)
                due = [
                    (report.day - date.fromisoformat(each["due_date"])).days
                    for each in instalments(loan, yesterday).values()
                    if each.get("amount_remaining") != "0.00"
                ]
                assert int(report.payload["dpd"]) == max(0, *due)
    assert set(checked) == {"current", "early_arrears", "late_arrears", "default", "closed"}


def test_a_write_off_takes_two_people_and_no_payment() -> None:
    [approved, *_] = (closed for loan in loans() if (closed := closure(loan)) and _is_written_off(closed))
    assert Decimal(approved["total_paid"]) + Decimal(approved["final_balance"]) > Decimal(
        approved["loan_total_payable"]
    ), "fees too"
    people: dict[str, set[str]] = {}
    for each in (each for story in stories() for each in story):
        if each.entry.get("event_type", "").startswith("writeoff."):
            payload = json.loads(each.entry["payload"])
            people.setdefault(each.entry["conv"], set()).update(
                value for name, value in payload.items() if name in ("requestedBy", "approvedBy")
            )
            if each.entry["event_type"] == "writeoff.approved.v1":
                assert len(people[each.entry["conv"]]) == 2


def _is_written_off(closed: dict[str, Any]) -> bool:
    return bool(closed["closure_reason"] == "WRITTEN_OFF")


def test_the_history_ends_today() -> None:
    """Payments are due today, some before now and some after; and every day of the next week."""
    due = Counter(
        each["due_date"]
        for loan in loans()
        if closure(loan) is None
        for each in instalments(loan, TODAY).values()
    )
    assert all(due[(TODAY + timedelta(days=days)).isoformat()] for days in range(8))
    paid_today = [
        each for loan in loans() for each in loan if each.day == TODAY and "last_payment_date" in each.payload
    ]
    assert paid_today
    assert {each.payload["last_payment_date"] for each in paid_today} == {TODAY.isoformat()}


def test_some_customers_borrow_again_after_they_repaid() -> None:
    opened = Counter(
        each.payload["customer_id"] for loan in loans() for each in loan if each.kind == "account.created.v1"
    )
    assert max(opened.values()) == 2


def test_a_longer_story_begins_with_the_shorter_one() -> None:
    """So that a second start of the simulator continues what the first one published."""
    for number in NUMBERS[:40]:
        applied_at = LENDER.applied_at(number, NOW)
        longer = LENDER.story(number, applied_at, NOW + timedelta(days=30))
        assert [each for each in longer if each.at <= NOW] == LENDER.story(number, applied_at, NOW)


@pytest.mark.parametrize("customers", [5, 40])
def test_only_a_history_holds_poison(customers: int) -> None:
    history = LENDER.history(range(1, customers + 1), NOW)
    rejected = 0
    for each in history:
        try:
            assert read(each) is not None
        except RejectedError:
            rejected += 1
    assert rejected == -(-customers // 8)
