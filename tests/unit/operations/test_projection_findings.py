"""What the status says of projections that stand, lack documents, or are of another version."""

from app.operations.status.findings import findings
from app.operations.status.report import DocumentSetAside, RebuildState, Standstill
from app.runtime.settings.settings import Settings
from tests.unit.operations.states import NOW, pipeline, read_models


def details(**changes: object) -> dict[str, str]:
    status = pipeline(read_models=read_models(**changes))
    return {each.code: each.detail for each in findings(status, Settings())}


def test_a_stalled_projection_is_named_once_with_its_cause() -> None:
    still = Standstill(
        cause="event_unreadable", detail="customers cannot read X at position 10", position=10, since=NOW
    )
    found = details(standstill=still, behind=5, waiting_seconds=500.0, unmoved_seconds=500.0)
    assert list(found) == ["projection_stalled"]
    assert (
        "since 2026-03-01 12:00 UTC (event_unreadable): customers cannot read X"
        in found["projection_stalled"]
    )


def test_documents_set_aside_are_counted_and_the_first_named_with_the_command() -> None:
    aside = [
        DocumentSetAside(id=name, cause="evolve_failed", position=7, event="E", error="ValueError at x.py:1")
        for name in ("C1", "C2")
    ]
    assert (
        "2 documents of customers set aside, the first C1 at position 7"
        in details(set_aside=aside)["documents_set_aside"]
    )
    assert "`billie rebuild customers --id C1`" in details(set_aside=aside)["documents_set_aside"]


def test_an_outdated_projection_is_to_be_rebuilt() -> None:
    assert "`billie rebuild customers`" in details(version=1, current_version=2)["projection_outdated"]
    assert details(version=2, current_version=2) == {}


def test_an_abandoned_rebuild_is_unfinished() -> None:
    assert "--resume" in details(rebuild=RebuildState(phase="fold", position=5))["rebuild_unfinished"]
    assert details(rebuild=RebuildState(phase="fold", position=5, run_by="somebody")) == {}
