"""The pipeline page: ``GET /v1/status`` in figures and charts, refreshed every two seconds."""

from datetime import UTC, datetime, timedelta

from fastapi.responses import Response

from app.console.pages.pipeline.charts import Chart, Sample, chart, dumped, levels, loaded, rates
from app.console.pages.pipeline.jobs import JOBS
from app.console.session.rest import Json
from app.console.ui.page import Context, page_router
from app.runtime.humanize import span

router = page_router()

_SILENT = timedelta(seconds=10)
_MAX_JOBS = 5


@router.get("/pipeline")
@router.get("/pipeline/now")
async def get_pipeline(context: Context, seen: str = "") -> Response:
    """The page, or the part that refreshes; ``seen`` is the page's own samples."""
    is_part = context.request.url.path.endswith("/now")
    report = await context.rest.get("/v1/status")
    answer = await context.rest.try_get(JOBS, limit=_MAX_JOBS)
    samples = [*loaded(seen), sample_of(report)]
    if len(samples) > 1 and samples[-1].at_ms <= samples[-2].at_ms:
        samples = samples[-1:]  # Another machine's clock.
    jobs: list[Json] | None = None if answer.is_problem else answer.body["items"]
    return context.render(
        "pipeline/pipeline_now.html" if is_part else "pipeline/pipeline.html",
        report=report,
        charts=_charts(samples),
        seen=dumped(samples),
        age=_age,
        jobs=jobs,
        rebuilding=_rebuilding(jobs or []),
        may_start_jobs=context.rest.may("POST", JOBS),
        may_see_dead_letters=context.rest.may("GET", "/v1/dead-letters"),
    )


def sample_of(report: Json) -> Sample:
    """The figures of a report that are charted."""
    inbox: Json = report["inbox"] or {}
    group: Json = inbox.get("group") or {}
    projections: list[Json] = (report["readModels"] or {}).get("projections", [])
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


def _rebuilding(jobs: list[Json]) -> set[str]:
    """The projections of live rebuild jobs, which may not have a worker yet.

    A live job reports every second: a silent one may be dead.
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
    charts = (
        ("Entries read", rates(samples, "read"), "from the stream", "/s"),
        ("Events recorded", rates(samples, "recorded"), "in the event store", "/s"),
        ("Events projected", rates(samples, "projected"), "mean of all projections", "/s"),
        ("Unread", levels(samples, "unread"), "on the stream, not delivered to a consumer", ""),
        ("Pending", levels(samples, "pending"), "delivered, not acknowledged", ""),
        ("Behind", levels(samples, "behind"), "events, of the slowest projection", ""),
        ("Stream", levels(samples, "length"), "entries", ""),
    )
    return [chart(title, figures, seconds, caption, unit=unit) for title, figures, caption, unit in charts]


def _age(seconds: float | None) -> str:
    return "–" if seconds is None else span(seconds)
