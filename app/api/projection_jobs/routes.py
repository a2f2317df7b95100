"""Rebuilds and verifications over REST: jobs are stored, and ``billie project`` runs them."""

from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response

from app.api.auth.callers import Caller
from app.api.auth.requirements import Admin, requires
from app.api.auth.roles import Role
from app.api.documents.listing import ListedByCreation, page
from app.api.documents.service import represented
from app.api.http.etags import TAGGED
from app.api.http.pages import Page
from app.api.http.problems import Problem, ProblemError, documented
from app.api.http.router import Router
from app.api.projection_jobs.schemas import JobBody, ProjectionJob, RebuildBody
from app.api.services import services_of
from app.errors import NotFoundError
from app.projections.jobs.jobs import COLLECTION, OPEN, JobKind, Jobs, JobStatus, Order
from app.projections.read_models.catalogue import COLLECTIONS

router = Router("/v1/projection-jobs", "operations", least=Role.OPERATIONS)

JobId = Annotated[str, Path(alias="jobId", min_length=1, max_length=64, description="The job's id.")]


@router.post("", status_code=202)
def ask_for_projection_job(request: Request, response: Response, body: JobBody, by: Admin) -> ProjectionJob:
    """Request a rebuild or verification of read models; admins. Jobs run one at a time, in order.

    Documents stay readable. If the same job is waiting or running already, the answer is that job.
    """
    names = tuple(COLLECTIONS if body.projections is None else dict.fromkeys(body.projections))
    if isinstance(body, RebuildBody):
        order = Order(JobKind.REBUILD, names, resume=body.resume)
    else:
        order = Order(JobKind.VERIFY, names, fix=body.fix)
    record, _ = _jobs(request).ask(order, _actor(by))
    response.headers["Location"] = f"/v1/projection-jobs/{record['_id']}"
    return ProjectionJob.model_validate(record)


@router.get("")
async def list_projection_jobs(
    request: Request,
    listing: ListedByCreation,
    kind: JobKind | None = None,
    status: JobStatus | None = None,
) -> Page[ProjectionJob]:
    """List jobs, newest first; for operations and up."""
    filters: dict[str, str | None] = {"kind": kind, "status": status}
    return await page(request, COLLECTION, ProjectionJob, listing, filters)


@router.get("/{jobId}", responses=documented(404) | TAGGED, response_model=ProjectionJob)
async def get_projection_job(request: Request, job_id: JobId) -> Response:
    """Get one job: its progress, and its outcome."""
    record = await services_of(request).database[COLLECTION].find_one({"_id": job_id})
    if record is None:
        raise NotFoundError("job", job_id)
    return represented(request, ProjectionJob.model_validate(record))


@router.post(
    "/{jobId}/stop",
    responses=documented(404) | {409: {"model": Problem, "description": "The job has ended"}},
    dependencies=[Depends(requires(Role.ADMIN))],
)
def stop_projection_job(request: Request, job_id: JobId) -> ProjectionJob:
    """Stop a job; admins. A running job ends within seconds, and the documents stay as they were.

    A rebuild keeps its progress: `resume` of a new job continues it.
    """
    record = _jobs(request).stop(job_id)
    if record is None:
        raise NotFoundError("job", job_id)
    if record["status"] not in (*OPEN, JobStatus.STOPPED):
        raise ProblemError(409, "job_ended", f"The job is {record['status']} and cannot be stopped.")
    return ProjectionJob.model_validate(record)


def _jobs(request: Request) -> Jobs:
    return Jobs(services_of(request).servers.database)


def _actor(by: Caller) -> dict[str, Any]:
    actor = {"id": by.actor.id, "name": by.actor.name, "role": by.actor.role}
    return {name: each for name, each in actor.items() if each is not None}
