"""Estimates what a rebuild takes: events, documents, and about how long."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projection import Projection
from app.projections.engine.reading import EventReader
from app.projections.rebuild.scratch import scratch

_TRIAL_S = 2.0
_PAGE = 2_000


@dataclass(frozen=True)
class Estimate:
    """What a rebuild of one projection would take, and what the time is based on."""

    name: str
    events: int
    documents: int
    seconds: float
    basis: str


def estimate(
    projections: Sequence[Projection], servicing: Servicing, database: Database[dict[str, Any]]
) -> Iterator[Estimate]:
    """One a projection: by the time that its last rebuild took, or by folding for two seconds."""
    newest = servicing.max_position()
    for projection in projections:
        documents = database[projection.name].estimated_document_count()
        record = database[COLLECTION].find_one({"_id": projection.name}) or {}
        last = record.get("rebuilt")
        if last and last.get("seconds") and last.get("events"):
            seconds = newest * last["seconds"] / max(1, record["position"])
            basis = f"as fast as on {last['at']:%Y-%m-%d}"
        else:
            seconds, basis = _trial(projection, servicing, newest), "from a trial of two seconds"
        yield Estimate(projection.name, newest, documents, seconds, basis)


def _trial(projection: Projection, servicing: Servicing, newest: int) -> float:
    begun = monotonic()
    with scratch(projection, EventReader(servicing, projection.topics(), projection.name)) as fold:
        while fold.position < newest and monotonic() - begun < _TRIAL_S:
            fold.fold_to(min(newest, fold.position + _PAGE))
        return (monotonic() - begun) * newest / max(1, fold.position)
