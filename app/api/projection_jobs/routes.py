"""Rebuilds and verifications over REST: what is asked for is kept, and done by ``billie project``."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import AfterValidator, Field, WithJsonSchema

from app.api.auth.callers import Caller, Role
from app.api.auth.requires import requires
from app.api.documents.listing import ListedByCreation, page
from app.api.documents.routes import database_of
from app.api.http.etags import TAGGED, represented
from app.api.http.pages import Page
from app.api.http.problems import Problem, ProblemError, documented, not_found
from app.api.http.request_fields import Body
from app.api.projection_jobs.schemas import ProjectionJob
from app.operations.servers import Servers
from app.projections.jobs.jobs import COLLECTION, OPEN, JobKind, Jobs, JobStatus, Order
from app.projections.read_models.catalogue import COLLECTIONS

router = APIRouter(
    prefix="/v1/projection-jobs",
    tags=["operations"],
    dependencies=[Depends(requires(Role.OPERATIONS))],
    responses=documented(400, 401, 403, 422, 503),
)

JobId = Annotated[str, Path(alias="jobId", min_length=1, max_length=64, description="As it was answered.")]
_ADMIN = Depends(requires(Role.ADMIN))


def _known(name: str) -> str:
    if name not in COLLECTIONS:
        msg = f"there is no such read model: there are {', '.join(COLLECTIONS)}"
        raise ValueError(msg)
    return name


ReadModel = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": [*COLLECTIONS]})]
Projections = Annotated[
    list[ReadModel] | None,
    Field(min_length=1, max_length=32, description="The read models; all, where it is absent."),
]


class RebuildBody(Body):
    """Fold read models anew from the events."""

    kind: Literal["rebuild"]
    projections: Projections = None
    resume: bool = Field(False, strict=True, description="Go on from what an unfinished rebuild left.")

    @property
    def order(self) -> tuple[JobKind, bool, bool]:
        """What is asked for: its kind, whether to fix, and whether to resume."""
        return JobKind.REBUILD, False, self.resume


class VerifyBody(Body):
    """Compare the documents of read models with the events."""

    kind: Literal["verify"]
    projections: Projections = None
    fix: bool = Field(False, strict=True, description="Put right what differs.")

    @property
    def order(self) -> tuple[JobKind, bool, bool]:
        """The same."""
        return JobKind.VERIFY, self.fix, False


JobBody = Annotated[RebuildBody | VerifyBody, Field(discriminator="kind")]


@router.post("", operation_id="askForProjectionJob", status_code=202, response_model_exclude_none=True)
def ask_for_job(
    request: Request, response: Response, body: JobBody, by: Annotated[Caller, _ADMIN]
) -> ProjectionJob:
    """Ask for read models to be rebuilt, or verified; admins. One job runs at a time, in the order asked for.

    Nothing is down meanwhile: documents are read, and followed. Asked for again while it waits or runs, the
    answer is the job that there is.
    """
    names = tuple(COLLECTIONS if body.projections is None else dict.fromkeys(body.projections))
    kind, fix, resume = body.order
    record, _ = _jobs(request).ask(Order(kind, names, fix, resume), _told(by))
    response.headers["Location"] = f"/v1/projection-jobs/{record['_id']}"
    return _shown(record)


@router.get("", operation_id="listProjectionJobs", response_model_exclude_none=True)
async def list_jobs(
    request: Request,
    listing: ListedByCreation,
    kind: JobKind | None = None,
    status: JobStatus | None = None,
) -> Page[ProjectionJob]:
    """List jobs, the newest first; for operations and up."""
    filters: dict[str, str | None] = {"kind": kind, "status": status}
    collection = database_of(request)[COLLECTION]
    return await page(request, collection, filters, model=ProjectionJob, listing=listing)


@router.get(
    "/{jobId}",
    operation_id="getProjectionJob",
    responses=documented(404) | TAGGED,
    response_model=ProjectionJob,
)
async def get_job(request: Request, response: Response, job_id: JobId) -> Response:
    """Get one job: how far it is, and what came of it."""
    record = await database_of(request)[COLLECTION].find_one({"_id": job_id})
    if record is None:
        raise not_found("job", job_id)
    return represented(request, response, _shown(record))


@router.post(
    "/{jobId}/stop",
    operation_id="stopProjectionJob",
    responses=documented(404) | {409: {"model": Problem, "description": "It has ended"}},
    response_model_exclude_none=True,
    dependencies=[_ADMIN],
)
def stop_job(request: Request, job_id: JobId) -> ProjectionJob:
    """Stop a job; admins. One that runs ends within seconds: ask for it again. What a rebuild folded is kept.

    The documents stay as they were. `resume` of a new job goes on.
    """
    record = _jobs(request).stop(job_id)
    if record is None:
        raise not_found("job", job_id)
    if record["status"] not in (*OPEN, JobStatus.STOPPED):
        raise ProblemError(409, "job_ended", f"The job is {record['status']}: there is nothing to stop.")
    return _shown(record)


def _jobs(request: Request) -> Jobs:
    servers: Servers = request.app.state.servers
    return Jobs(servers.database)


def _told(by: Caller) -> dict[str, Any]:
    actor = by.actor
    told = {"id": actor.id, "name": actor.name, "role": actor.role}
    return {name: each for name, each in told.items() if each is not None}


def _shown(record: dict[str, Any]) -> ProjectionJob:
    return ProjectionJob.model_validate(record)
