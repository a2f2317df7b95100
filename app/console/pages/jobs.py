"""Rebuilds and verifications: asked for in a drawer, watched on the pipeline's page, and stopped."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from app.api.http.problems import not_found
from app.console.session.guard import PageRoute
from app.console.ui.page_context import AtDesk, Desk
from app.projections.jobs.jobs import JobKind
from app.projections.read_models.catalogue import all_projections

router = APIRouter(route_class=PageRoute, include_in_schema=False)

BASE = "/v1/projection-jobs"
_NAMED = "model-"
"""What the names of the choices begin with: of fields of one name a form keeps the last."""

Told = dict[str, Any]


@router.get("/pipeline/jobs/{kind}")
async def get_form(desk: AtDesk, kind: str, model: str = "") -> Response:
    """What is to be rebuilt, or verified: all, or the one that was aimed at."""
    known = list(all_projections(desk.settings))
    return _form(desk, _kind(kind), [model] if model in known else known)


@router.post("/pipeline/jobs/{kind}")
async def ask(desk: AtDesk, kind: str) -> Response:
    """Ask for it. Asked twice it is one job."""
    what = _kind(kind)
    chosen = [name for name in all_projections(desk.settings) if desk.form.get(f"{_NAMED}{name}") is not None]
    if not chosen:
        return _form(desk, what, chosen, is_wrong=True)
    body: Told = {"kind": what.value, "projections": chosen}
    for option in ("fix", "resume"):
        if desk.form.get(option) is not None:
            body[option] = True
    return _said(desk, await desk.rest.post(BASE, body=body), what)


@router.get("/pipeline/job/{job_id}/stop")
async def get_stop(desk: AtDesk, job_id: str) -> Response:
    """What to confirm before it is stopped."""
    return desk.page("job_stop.html", job=await desk.rest.get(f"{BASE}/{{}}", job_id))


@router.post("/pipeline/job/{job_id}/stop")
async def stop(desk: AtDesk, job_id: str) -> Response:
    """Stop it."""
    answer = await desk.rest.post(f"{BASE}/{{}}/stop", job_id, body={})
    return _said(desk, answer, None)


def _form(desk: Desk, kind: JobKind, chosen: list[str], *, is_wrong: bool = False) -> Response:
    told: Told = {"kind": kind.value, "chosen": chosen, "known": list(all_projections(desk.settings))}
    return desk.page(
        "job_form.html", status=422 if is_wrong else 200, is_wrong=is_wrong, named=_NAMED, **told
    )


def _said(desk: Desk, answer: Any, kind: JobKind | None) -> Response:
    return desk.page(
        "job_said.html",
        status=answer.status if answer.is_problem else 200,
        kind=None if kind is None else kind.value,
        job=None if answer.is_problem else answer.body,
        problem=answer.body if answer.is_problem else None,
    )


def _kind(told: str) -> JobKind:
    """Raises ProblemError for what is none."""
    if told not in list(JobKind):
        raise not_found("kind of job", told)
    return JobKind(told)
