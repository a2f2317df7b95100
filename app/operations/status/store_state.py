"""What the event store and MongoDB tell: how far events go, and how far each projection has come."""

from datetime import UTC, datetime
from typing import Any

from pymongo.database import Database

from app.event_store.application import Servicing
from app.event_store.errors import UNREADABLE_ERRORS
from app.operations.status.money_state import money_state
from app.operations.status.report import EventStoreState, ProjectionState, ReadModelsState, RebuildState
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projection import Projection
from app.projections.migrations import waiting
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild.shadow import Phase, record_id
from app.runtime.settings.settings import Settings


def event_store_state(servicing: Servicing) -> EventStoreState:
    """The newest position, and when its event was recorded. Raises one of EVENT_STORE_ERRORS."""
    newest = servicing.max_position()
    at = recorded_at(servicing, newest)
    return EventStoreState(
        newest_position=newest, newest_event_at=at, newest_event_age_seconds=None if at is None else _age(at)
    )


def recorded_at(servicing: Servicing, position: int) -> datetime | None:
    """When the event at a position, or the first after it, was recorded.

    None where there is none, or none that can be read: that is for a projection to report.
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


def read_models_state(database: Database[dict[str, Any]], settings: Settings) -> ReadModelsState:
    """The position of each projection, and the migrations that wait. Raises pymongo's errors."""
    known = {document["_id"]: document for document in database[COLLECTION].find()}
    return ReadModelsState(
        projections=[_projection(each, known) for each in all_projections(settings).values()],
        waiting_migrations=waiting(database),
        money=money_state(database),
    )


def behind(models: ReadModelsState, newest: int, servicing: Servicing) -> ReadModelsState:
    """The same, with how far each is behind the store. Raises one of EVENT_STORE_ERRORS."""
    projections = [_behind(projection, newest, servicing) for projection in models.projections]
    return models.model_copy(update={"projections": projections})


def _behind(projection: ProjectionState, newest: int, servicing: Servicing) -> ProjectionState:
    to_go = newest - projection.position
    if to_go < 0:  # The store was asked first, and may have grown since.
        to_go = min(0, servicing.max_position() - projection.position)
    waiting = None
    if to_go > 0:
        first = recorded_at(servicing, projection.position + 1)
        waiting = projection.unmoved_seconds if first is None else _age(first)
    return projection.model_copy(update={"behind": to_go, "waiting_seconds": waiting})


def _projection(projection: Projection, records: dict[str, dict[str, Any]]) -> ProjectionState:
    document = records.get(projection.name, {})
    updated: datetime | None = document.get("updatedAt")
    rebuild = records.get(record_id(projection.name))
    return ProjectionState(
        name=projection.name,
        version=int(document.get("version", 1)),
        current_version=projection.version if document else 1,
        run_by=document.get("lease", {}).get("owner"),
        standstill=document.get("standstill"),
        set_aside=document.get("setAside", []),
        rebuild=_rebuild(rebuild) if rebuild else None,
        position=int(document.get("position", 0)),
        updated_at=updated,
        unmoved_seconds=None if updated is None else _age(updated),
    )


def _rebuild(record: dict[str, Any]) -> RebuildState:
    return RebuildState(
        phase=record.get("phase", Phase.FOLD.value),
        position=int(record.get("folded", record["position"])),
        newest=record.get("newest"),
        documents=record.get("documents"),
        started_at=record.get("startedAt"),
        run_by=record.get("lease", {}).get("owner"),
    )


def _age(at: datetime) -> float:
    return max(0.0, round((datetime.now(UTC) - at).total_seconds(), 3))
