"""The state of the event store and of the read models: positions, lag, migrations, open money commands."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from app.event_store.application import Servicing
from app.event_store.errors import UNREADABLE_ERRORS
from app.operations.status import report
from app.projections.engine.positions import COLLECTION
from app.projections.migrations import waiting
from app.projections.read_models.versions import VERSIONS
from app.projections.rebuild.shadow import Phase, record_id

_IRREGULAR_FOR = timedelta(days=7)
"""How long the status reports an irregular write-off: nobody can undo the mark."""
_STILL_RUNNING = timedelta(seconds=60)
"""A younger command without an outcome is normal: the ledger or the settler may be working on it."""


def event_store_state(servicing: Servicing) -> report.EventStoreState:
    """The newest position, and when its event was recorded. Raises one of EVENT_STORE_ERRORS."""
    newest = servicing.max_position()
    at = _recorded_at(servicing, newest)
    return report.EventStoreState(
        newest_position=newest, newest_event_at=at, newest_event_age_seconds=None if at is None else _age(at)
    )


def read_models_state(database: Database[dict[str, Any]]) -> report.ReadModelsState:
    """The state of each projection, without its lag, and of money commands. Raises pymongo's errors."""
    records = {document["_id"]: document for document in database[COLLECTION].find()}
    return report.ReadModelsState(
        projections=[_projection(*each, records) for each in VERSIONS.items()],
        waiting_migrations=waiting(database),
        money=money_state(database),
    )


def lag_behind(models: report.ReadModelsState, servicing: Servicing) -> report.ReadModelsState:
    """The same, with each projection's lag behind the event store. Raises one of EVENT_STORE_ERRORS."""
    newest = servicing.max_position()
    projections = [_with_lag(projection, newest, servicing) for projection in models.projections]
    return models.model_copy(update={"projections": projections})


def money_state(database: Database[dict[str, Any]]) -> report.MoneyState:
    """Money commands without an outcome, and recent irregular write-offs. Raises pymongo's errors."""
    commands = database["ledger-commands"]
    before = datetime.now(UTC) - _STILL_RUNNING
    lost = {"status": "requested", "approval.status": {"$ne": "pending"}, "requestedAt": {"$lt": before}}
    is_open = {"$or": [{"status": "unknown"}, lost]}
    lately = {"irregular": {"$exists": True}, "decision.at": {"$gte": datetime.now(UTC) - _IRREGULAR_FOR}}
    oldest = commands.find_one(is_open, {"requestedAt": 1}, sort=[("requestedAt", ASCENDING)])
    return report.MoneyState(
        unknown=commands.count_documents(is_open),
        oldest_unknown_age_seconds=None if oldest is None else _age(oldest["requestedAt"]),
        awaiting_approval=commands.count_documents({"status": "requested", "approval.status": "pending"}),
        irregular_write_offs=database["write-off-requests"].count_documents(lately),
    )


def _recorded_at(servicing: Servicing, position: int) -> datetime | None:
    """When the event at or after a position was recorded.

    None if there is none, or if it cannot be read: projections report that.
    """
    found = servicing.recorder.select_notifications(position, 1)
    if not found:
        return None
    try:
        event: Any = servicing.mapper.to_domain_event(found[0])
    except UNREADABLE_ERRORS:
        return None
    at: datetime = event.timestamp
    return at


def _with_lag(
    projection: report.ProjectionState, newest: int, servicing: Servicing
) -> report.ProjectionState:
    behind = newest - projection.position
    first = _recorded_at(servicing, projection.position + 1) if behind > 0 else None
    since = projection.unmoved_seconds if first is None else _age(first)
    return projection.model_copy(update={"behind": behind, "waiting_seconds": since if behind > 0 else None})


def _projection(name: str, version: int, records: dict[str, dict[str, Any]]) -> report.ProjectionState:
    record = records.get(name, {})
    updated: datetime | None = record.get("updatedAt")
    rebuild = records.get(record_id(name))
    return report.ProjectionState(
        name=name,
        version=int(record.get("version", 1)),
        current_version=version if record else 1,
        run_by=record.get("lease", {}).get("owner"),
        standstill=record.get("standstill"),
        set_aside=record.get("setAside", []),
        rebuild=_rebuild(rebuild) if rebuild else None,
        position=int(record.get("position", 0)),
        updated_at=updated,
        unmoved_seconds=None if updated is None else _age(updated),
    )


def _rebuild(record: dict[str, Any]) -> report.RebuildState:
    return report.RebuildState(
        phase=record.get("phase", Phase.FOLD.value),
        position=int(record.get("folded", record["position"])),
        newest=record.get("newest"),
        documents=record.get("documents"),
        started_at=record.get("startedAt"),
        run_by=record.get("lease", {}).get("owner"),
    )


def _age(at: datetime) -> float:
    return max(0.0, round((datetime.now(UTC) - at).total_seconds(), 3))
