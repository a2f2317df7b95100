"""A pipeline that is well, and how it differs where it is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.operations.status.report import (
    Build,
    ConsumerState,
    DeadLettersState,
    EventStoreState,
    GroupState,
    InboxState,
    LedgerState,
    ProjectionState,
    ReadModelsState,
    Status,
    StreamState,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def group(**changes: Any) -> GroupState:
    alive = ConsumerState(name="host", pending=0, idle_seconds=0.2)
    well = {"name": "g", "last_delivered_id": "9-0", "unread": 0, "pending": 0, "consumers": [alive]}
    return GroupState(**(well | changes))


def inbox(**changes: Any) -> InboxState:
    well = {
        "stream": StreamState(name="s", length=9, last_entry_id="9-0", last_entry_age_seconds=0.3),
        "group": group(),
        "dead_letters": DeadLettersState(stream="d", total=0, counted=0),
        "unknown_types": [],
        "dropped_values": [],
        "clocks_ahead": [],
    }
    return InboxState(**(well | changes))


def projection(**changes: Any) -> ProjectionState:
    well = {
        "name": "customers",
        "position": 9,
        "behind": 0,
        "updated_at": NOW - timedelta(seconds=1),
        "unmoved_seconds": 1.0,
    }
    return ProjectionState(**(well | changes))


def read_models(**changes: Any) -> ReadModelsState:
    return ReadModelsState(projections=[projection(**changes)], waiting_migrations=[])


def pipeline(**changes: Any) -> Status:
    well = {
        "at": NOW,
        "build": Build(version="1.2.3", python="3.11.7", eventsourcing="9.5.6"),
        "inbox": inbox(),
        "event_store": EventStoreState(newest_position=9, newest_event_age_seconds=0.3),
        "read_models": read_models(),
        "ledger": LedgerState(target="127.0.0.1:50051", status="SERVING"),
        "away": [],
        "problems": [],
    }
    return Status(**(well | changes))
