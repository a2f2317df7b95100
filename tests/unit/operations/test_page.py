"""The page that `billie status` prints."""

from datetime import timedelta

from app.cli.terminal.status_page import page
from app.operations.status.report import (
    CountedField,
    DeadLettersState,
    Finding,
    MoneyState,
    PendingEntry,
    UnknownType,
)
from tests.unit.operations.states import NOW, group, inbox, pipeline, read_models

WELL = """\
Billie Servicing 1.2.3, Python 3.11.7, eventsourcing 9.5.6; 2026-03-01 12:00:00 UTC

Stream         s  9 entries, the last 0.3 s ago
Group          g
Unread         0
Pending        0
Consumers      host  0 pending  seen 0.2 s ago
Dead letters   d  0

Event store    at 9, the newest 0.3 s ago
Projections    customers  at 9  0 behind  moved 1.0 s ago

Ledger         127.0.0.1:50051  SERVING

All well."""

ILL = """\
Billie Servicing 1.2.3, Python 3.11.7, eventsourcing 9.5.6; 2026-03-01 12:00:00 UTC

Stream         s  9 entries, the last 0.3 s ago
Group          g  5 read
Unread         at least 10,000, the oldest 4 min
Pending        1, the oldest 15 min, delivered 1 time, last 2.0 s ago to x
Consumers      host  0 pending  seen 0.2 s ago
Dead letters   d  12,000: no_type 9,000, not_json 1,000 among the oldest 10,000; the oldest 50 min ago
Unknown types  loan.sold.v1  12 entries  first 3 min ago, last 2.0 s ago
               (no name)     1 entry
Unreadable     customer.changed.v1.ekyc_status  1 time

Projections    customers  at 9  5 behind (4 min)  never moved

Problems
  - The first.
  - The second, which is longer than the width of a page and so goes on in the line below it, where
    it is indented."""


def test_a_healthy_system() -> None:
    assert page(pipeline()) == WELL


def test_money_shows_how_to_list_its_commands() -> None:
    money = MoneyState(unknown=2, oldest_unknown_age_seconds=240.0, awaiting_approval=3)
    assert """
Money          2 unknown, the oldest 4 min ago: GET /v1/ledger-commands?status=unknown
               3 await approval: GET /v1/ledger-commands?approval=pending
""" in page(pipeline(read_models=read_models().model_copy(update={"money": money})))


def test_ill() -> None:
    pending = PendingEntry(entry_id="7-0", consumer="x", age_seconds=900, idle_seconds=2, deliveries=1)
    status = pipeline(
        inbox=inbox(
            group=group(
                entries_read=5,
                unread=10_000,
                unread_is_exact=False,
                oldest_unread_age_seconds=240,
                pending=1,
                oldest_pending=pending,
            ),
            dead_letters=DeadLettersState(
                stream="d",
                total=12_000,
                counted=10_000,
                by_reason={"no_type": 9_000, "not_json": 1_000},
                oldest_age_seconds=3_000,
            ),
            unknown_types=[
                UnknownType(
                    type="loan.sold.v1",
                    count=12,
                    first_seen=NOW - timedelta(minutes=3),
                    last_seen=NOW - timedelta(seconds=2),
                ),
                UnknownType(type="", count=1),
            ],
            dropped_values=[CountedField(field="customer.changed.v1.ekyc_status", count=1)],
        ),
        event_store=None,
        read_models=read_models(behind=5, waiting_seconds=240, unmoved_seconds=None),
        ledger=None,
        problems=[
            Finding(code="a", detail="The first."),
            Finding(
                code="b",
                detail="The second, which is longer than the width of a page and so goes on in the line "
                "below it, where it is indented.",
            ),
        ],
    )
    assert page(status) == ILL


def test_many_types_are_cut_short() -> None:
    types = [UnknownType(type=f"type-{number:02}", count=1) for number in range(13)]
    text = page(pipeline(inbox=inbox(unknown_types=types)))
    assert "type-09" in text
    assert "type-10" not in text
    assert "and 3 more" in text
