"""The pipeline: how what arrives goes through, as ``GET /v1/status`` tells it, anew every two seconds."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from app.console.pages.jobs import BASE as JOBS
from app.console.session.guard import PageRoute
from app.console.ui.charts import Chart, chart
from app.console.ui.page_context import AtDesk, Desk
from app.console.ui.samples import Sample, levels, rates, read, written
from app.runtime.humanize import span

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_SILENT = timedelta(seconds=10)
_JOBS = 5
"""The newest jobs, which are shown."""

Told = dict[str, Any]


@router.get("/pipeline")
async def get_pipeline(desk: AtDesk) -> Response:
    """The page."""
    return await _seen(desk, "pipeline.html", "")


@router.get("/pipeline/now")
async def get_now(desk: AtDesk, seen: str = "") -> Response:
    """What changes of it; ``seen`` is what the page remembers."""
    return await _seen(desk, "pipeline_now.html", seen)


async def _seen(desk: Desk, template: str, seen: str) -> Response:
    report = await desk.rest.get("/v1/status")
    asked = await desk.rest.ask("GET", JOBS, parameters={"limit": _JOBS})
    samples = [*read(seen), sample_of(report)]
    if len(samples) > 1 and samples[-1].at_ms <= samples[-2].at_ms:
        samples = samples[-1:]  # Another machine's clock.
    jobs: list[Told] | None = None if asked.is_problem else asked.body["items"]
    return desk.page(
        template,
        report=report,
        charts=_charts(samples),
        seen=written(samples),
        age=_age,
        jobs=jobs,
        of_jobs=_rebuilt_by(jobs or []),
        may_ask=desk.may("POST", JOBS),
        may_see_letters=desk.may("GET", "/v1/dead-letters"),
    )


def sample_of(report: Told) -> Sample:
    """The figures of a report that are drawn."""
    inbox: Told = report["inbox"] or {}
    group: Told = inbox.get("group") or {}
    projections: list[Told] = (report["readModels"] or {}).get("projections", [])
    positions = [each["position"] for each in projections]
    behind = [each["behind"] for each in projections if each["behind"] is not None]
    return Sample(
        at_ms=int(datetime.fromisoformat(report["at"]).timestamp() * 1_000),
        length=_known(inbox.get("stream", {}).get("length")),
        read=_known(group.get("entriesRead")),
        unread=_known(group.get("unread")),
        pending=_known(group.get("pending")),
        recorded=_known((report["eventStore"] or {}).get("newestPosition")),
        projected=sum(positions) // len(positions) if positions else -1,
        behind=max(behind, default=-1),
    )


def _rebuilt_by(jobs: list[Told]) -> set[str]:
    """What a job rebuilds: for the moment in which it takes its leases nobody runs it, and all is well.

    Whoever runs a job says so every second: one that is silent may be dead.
    """
    silent = datetime.now(UTC) - _SILENT
    return {
        name
        for job in jobs
        if job["kind"] == "rebuild" and job["status"] == "running"
        if datetime.fromisoformat(job["updatedAt"]) > silent
        for name in job["projections"]
    }


def _known(figure: int | None) -> int:
    return -1 if figure is None else figure


def _charts(samples: list[Sample]) -> list[Chart]:
    seconds = (samples[-1].at_ms - samples[0].at_ms) / 1_000
    drawn = (
        ("Entries read", rates(samples, "read"), "taken from the stream", "/s"),
        ("Events recorded", rates(samples, "recorded"), "into the event store", "/s"),
        ("Events projected", rates(samples, "projected"), "the mean of all projections", "/s"),
        ("Unread", levels(samples, "unread"), "on the stream, not yet given to a consumer", ""),
        ("Pending", levels(samples, "pending"), "read, not yet acknowledged", ""),
        ("Behind", levels(samples, "behind"), "events, of the slowest projection", ""),
        ("Stream", levels(samples, "length"), "entries on it", ""),
    )
    return [chart(words, figures, seconds, why, unit=unit) for words, figures, why, unit in drawn]


def _age(seconds: float | None) -> str:
    return "–" if seconds is None else span(seconds)
