"""The findings that an operator sees for each state."""

from datetime import timedelta
from typing import Any

import pytest

from app.operations.status.findings import findings
from app.operations.status.report import (
    Away,
    ConsumerState,
    DeadLettersState,
    GroupState,
    LedgerState,
    MoneyState,
    PendingEntry,
    ReadModelsState,
    Status,
    StreamState,
    UnknownType,
)
from app.runtime.settings.settings import Settings
from tests.unit.operations.states import NOW, group, inbox, pipeline, projection, read_models


def waiting(*, idle: float, deliveries: int) -> GroupState:
    entry = PendingEntry(
        entry_id="7-0", consumer="host", age_seconds=900, idle_seconds=idle, deliveries=deliveries
    )
    return group(pending=1, oldest_pending=entry)


def new_type(first_seen: timedelta) -> UnknownType:
    return UnknownType(type="loan.sold.v1", count=12, first_seen=NOW - first_seen, last_seen=NOW)


def quiet(**changes: Any) -> GroupState:
    """A consumer that got nothing for long, on a Redis that does not know whether it asks."""
    return group(consumers=[dead(9_000)], idle_since_asking=False, **changes)


def money(**changes: Any) -> ReadModelsState:
    return read_models().model_copy(update={"money": MoneyState(**changes)})


def dead(idle: float) -> ConsumerState:
    return ConsumerState(name="host", pending=0, idle_seconds=idle)


def silent(seconds: float, *, usual: float | None, after: float) -> StreamState:
    return StreamState(
        name="s",
        length=9,
        last_entry_age_seconds=seconds,
        usual_gap_seconds=usual,
        quiet_after_seconds=after,
    )


WRONG = [
    (
        pipeline(inbox=None, away=[Away(server="Redis", error="refused", settings=["BILLIE_REDIS_URL"])]),
        "server_away",
        "Redis does not answer: refused. Is it up? Check BILLIE_REDIS_URL.",
    ),
    (
        pipeline(read_models=money(unknown=2, oldest_unknown_age_seconds=240.0)),
        "money_unknown",
        "2 money commands have an unknown outcome, the oldest for 4 min. A running `billie api` retries "
        "them with their keys: is one running, and does the ledger answer? "
        "GET /v1/ledger-commands?status=unknown lists them.",
    ),
    (
        pipeline(read_models=money(irregular_write_offs=1)),
        "write_offs_irregular",
        "In the last 7 days the ledger posted 1 write-off against a rule. "
        "GET /v1/write-off-requests?irregular=RULE lists them; "
        "RULE is own_request, takes_a_person or already_decided.",
    ),
    (
        pipeline(read_models=money(unknown=1, oldest_unknown_age_seconds=24 * 3_600.0)),
        "money_needs_a_person",
        "1 money command has an unknown outcome, the oldest for 24 h: the ledger has forgotten its key. "
        "Check the ledger's books, and settle it by hand. "
        "GET /v1/ledger-commands?status=unknown lists them.",
    ),
    (
        pipeline(inbox=inbox(group=None)),
        "no_group",
        "s has no consumer group billie-servicing-processor: start `billie ingest`, which creates it.",
    ),
    (
        pipeline(inbox=inbox(group=group(consumers=[dead(250), dead(9_000)]))),
        "no_consumer",
        "No consumer is alive (host was last seen 4 min ago): start `billie ingest`.",
    ),
    (
        pipeline(inbox=inbox(group=group(consumers=[]))),
        "no_consumer",
        "No consumer is alive: start `billie ingest`.",
    ),
    (
        pipeline(inbox=inbox(group=quiet(unread=1))),
        "no_consumer",
        "No consumer is alive (host was last seen 2 h ago): start `billie ingest`.",
    ),
    (
        pipeline(inbox=inbox(group=group(unread=12_400, oldest_unread_age_seconds=240))),
        "lag",
        "12,400 entries are unread, the oldest for 4 min: check the log of `billie ingest`, "
        "or start another one.",
    ),
    (
        pipeline(inbox=inbox(group=waiting(idle=150, deliveries=1))),
        "pending_idle",
        "Entry 7-0 was delivered to host 2 min ago, is not acknowledged, and no other consumer took it over: "
        "is any `billie ingest` running?",
    ),
    (
        pipeline(inbox=inbox(group=waiting(idle=1, deliveries=3))),
        "pending_repeated",
        "Entry 7-0 is 15 min old and was delivered 3 times without success: "
        "check the log of `billie ingest`.",
    ),
    (
        pipeline(read_models=read_models(behind=12_400, waiting_seconds=240, unmoved_seconds=240)),
        "projection_stalled",
        "customers is 12,400 events (4 min) behind, and has not moved for 4 min: "
        "is `billie project` running, and what does its log say?",
    ),
    (
        pipeline(read_models=read_models(behind=1, waiting_seconds=240, unmoved_seconds=None)),
        "projection_stalled",
        "customers is 1 event (4 min) behind, and has never moved: "
        "is `billie project` running, and what does its log say?",
    ),
    (
        pipeline(read_models=read_models(behind=12_400, waiting_seconds=240)),
        "projection_late",
        "customers is 12,400 events (4 min) behind, but moving: check again in a minute.",
    ),
    (
        pipeline(read_models=read_models(behind=-3)),
        "other_store",
        "customers is at position 9, 3 beyond the end of the event store: it was built from another store. "
        "Check BILLIE_EVENT_STORE_URL and BILLIE_MONGO_DB.",
    ),
    (
        pipeline(read_models=ReadModelsState(projections=[projection()], waiting_migrations=["0001_a"])),
        "migrations_wait",
        "MongoDB lacks validators or indexes (0001_a): run `billie migrate`.",
    ),
    (
        pipeline(ledger=LedgerState(target="ledger:1", status="NOT_SERVING")),
        "ledger_unwell",
        "The ledger at ledger:1 reports NOT_SERVING: notify its operators.",
    ),
    (
        pipeline(inbox=inbox(dead_letters=DeadLettersState(stream="d", total=3, counted=3))),
        "dead_letters",
        "3 dead letters: see `billie dead-letters list`.",
    ),
    (
        pipeline(inbox=inbox(unknown_types=[new_type(timedelta(minutes=3))])),
        "new_type",
        "The message type loan.sold.v1 first came 3 min ago, and is not consumed (12 entries skipped): "
        "should it be?",
    ),
    (
        pipeline(inbox=inbox(stream=silent(11_520, usual=40, after=640))),
        "stream_quiet",
        "Nothing was published for 3 h (usual: 40 s): do the publishers still write to this stream? "
        "An empty backlog cannot show what never arrived.",
    ),
    (
        pipeline(inbox=inbox(stream=silent(26 * 3_600, usual=None, after=86_400))),
        "stream_quiet",
        "Nothing was published for 26 h: do the publishers still write to this stream? "
        "An empty backlog cannot show what never arrived.",
    ),
]


@pytest.mark.parametrize(("status", "code", "detail"), WRONG, ids=[each[1] for each in WRONG])
def test_every_finding_has_a_remedy(status: Status, code: str, detail: str) -> None:
    [finding] = findings(status, Settings())
    assert (finding.code, finding.detail) == (code, detail)


WELL = [
    pipeline(read_models=money(unknown=1, oldest_unknown_age_seconds=20.0, awaiting_approval=3)),
    pipeline(inbox=inbox(group=quiet())),
    pipeline(),
    pipeline(inbox=inbox(group=group(unread=12_400, oldest_unread_age_seconds=2))),
    pipeline(inbox=inbox(group=waiting(idle=0.1, deliveries=1))),
    pipeline(inbox=inbox(group=group(consumers=[dead(9_000), dead(1)]))),
    pipeline(inbox=inbox(unknown_types=[new_type(timedelta(hours=25)), UnknownType(type="x", count=1)])),
    pipeline(read_models=read_models(behind=12_400, waiting_seconds=2, unmoved_seconds=3_600)),
    pipeline(read_models=read_models(behind=None, unmoved_seconds=3_600)),
    pipeline(ledger=LedgerState(target="ledger:1", status="NO HEALTH CHECK")),
]


@pytest.mark.parametrize("status", WELL)
def test_a_passing_condition_is_no_problem(status: Status) -> None:
    assert findings(status, Settings()) == []


def test_stalled_projections_share_a_sentence() -> None:
    late = [
        projection(name=name, behind=behind, waiting_seconds=240, unmoved_seconds=unmoved)
        for name, behind, unmoved in (("a", 5, 300.0), ("b", 7, 200.0), ("c", 6, None), ("d", 2, 1.0))
    ]
    models = ReadModelsState(projections=late, waiting_migrations=[])
    assert [finding.detail for finding in findings(pipeline(read_models=models), Settings())] == [
        "a, b and c are up to 7 events (4 min) behind, and have not moved for 3 min: "
        "is `billie project` running, and what does its log say?",
        "d is 2 events (4 min) behind, but moving: check again in a minute.",
    ]


def test_a_lower_bound_is_marked_as_one() -> None:
    late = group(unread=10_000, unread_is_exact=False, oldest_unread_age_seconds=240)
    [finding] = findings(pipeline(inbox=inbox(group=late)), Settings())
    assert finding.detail.startswith("At least 10,000 entries are unread")


def test_a_usual_silence_is_healthy() -> None:
    assert findings(pipeline(inbox=inbox(stream=silent(639, usual=40, after=640))), Settings()) == []
    found = findings(
        pipeline(inbox=inbox(stream=silent(700, usual=40, after=300))), Settings(quiet_seconds=300)
    )
    assert [each.detail.partition(":")[0] for each in found] == [
        "Nothing was published for 12 min (BILLIE_QUIET_SECONDS"
    ]
