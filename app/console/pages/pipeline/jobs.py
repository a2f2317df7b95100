"""Rebuild and verification jobs: requested in the drawer, shown on the pipeline page, and stopped."""

from fastapi.responses import Response

from app.console.session.rest import Json
from app.console.ui.page import Context, PageContext, page_router
from app.projections.jobs.jobs import JobKind
from app.projections.read_models.catalogue import COLLECTIONS

router = page_router()

JOBS = "/v1/projection-jobs"
_PREFIX = "model-"
"""Of the checkboxes' names: of several fields with one name, a form keeps only the last."""


@router.get("/pipeline/jobs/{kind}")
async def get_form(context: Context, kind: JobKind, model: str = "") -> Response:
    """The choice of read models: all of them, or the one in the address."""
    return _form(context, kind, [model] if model in COLLECTIONS else [*COLLECTIONS])


@router.post("/pipeline/jobs/{kind}")
async def start(context: Context, kind: JobKind) -> Response:
    """Request the job. A second request is the same job."""
    form = context.form
    chosen = [name for name in COLLECTIONS if f"{_PREFIX}{name}" in form]
    if not chosen:
        return _form(context, kind, chosen)
    body: Json = {"kind": kind.value, "projections": chosen}
    body |= {option: True for option in ("fix", "resume") if option in form}
    answer = await context.rest.post(JOBS, body=body)
    return context.render_outcome("pipeline/job_outcome.html", answer, kind=kind.value)


@router.get("/pipeline/job/{job_id}/stop")
async def get_stop(context: Context, job_id: str) -> Response:
    """What to confirm before it is stopped."""
    job = await context.rest.get(f"{JOBS}/{{}}", job_id)
    return context.render("pipeline/job_stop.html", job=job)


@router.post("/pipeline/job/{job_id}/stop")
async def stop(context: Context, job_id: str) -> Response:
    answer = await context.rest.post(f"{JOBS}/{{}}/stop", job_id, body={})
    return context.render_outcome("pipeline/job_outcome.html", answer)


def _form(context: PageContext, kind: JobKind, chosen: list[str]) -> Response:
    values = {"kind": kind.value, "known": COLLECTIONS, "chosen": chosen, "prefix": _PREFIX}
    return context.render("pipeline/job_form.html", status=200 if chosen else 422, **values)
