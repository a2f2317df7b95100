"""Rebuilds and verifications over REST: jobs are stored, and ``billie project`` runs them."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Request, Response
from pydantic import AfterValidator, Field, WithJsonSchema

from app.api.auth.requirements import Admin
from app.api.auth.roles import Role
from app.api.documents.listing import ListedByCreation, page
from app.api.documents.service import one_document, represented
from app.api.http.pages import Page
from app.api.http.problems import ProblemError, documented
from app.api.http.request_fields import Body
from app.api.http.router import Router
from app.api.services import services_of
from app.errors import NotFoundError
from app.projections.jobs.jobs import COLLECTION, JobKind, Jobs, JobStatus
from app.projections.read_models.base import CreatedAt, Model, StaffMember, UpdatedAt
from app.projections.read_models.catalogue import COLLECTIONS
from app.projections.rebuild.differences import Kind
from app.projections.rebuild.outcome import Outcome, Progress


def _known(name: str) -> str:
    if name not in COLLECTIONS:
        raise ValueError(f"no such read model; read models: {', '.join(COLLECTIONS)}")
    return name


ReadModel = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": [*COLLECTIONS]})]
Projections = Annotated[
    list[ReadModel] | None,
    Field(min_length=1, max_length=32, description="The read models; all, if absent."),
]


class RebuildBody(Body):
    """Rebuild read models from the events."""

    kind: Literal[JobKind.REBUILD]
    projections: Projections = None
    resume: bool = Field(False, strict=True, description="Continue an unfinished rebuild.")


class VerifyBody(Body):
    """Compare the documents of read models with the events."""

    kind: Literal[JobKind.VERIFY]
    projections: Projections = None
    fix: bool = Field(False, strict=True, description="Repair what differs.")


JobBody = Annotated[RebuildBody | VerifyBody, Field(discriminator="kind")]


class JobExample(Model):
    """A document that differs from the events. Its values, which may be personal, are not kept."""

    projection: str
    """The read model."""
    id: str
    """The document's `_id`."""
    kind: Kind
    """The kind of difference."""
    position: int
    """The position of the last event that touched it."""
    fields: list[str]
    """The paths that differ, if it is `different`."""


class ProjectionJob(Model):
    """A rebuild or a verification of read models, requested over the API and run by `billie project`."""

    job_id: str = Field(validation_alias="_id")
    """The job's identifier."""
    kind: JobKind
    """Rebuild or verification."""
    projections: list[str]
    """The read models."""
    fix: bool = False
    """Verification: whether differences are repaired."""
    resume: bool = False
    """Rebuild: whether it continues an unfinished one."""
    status: JobStatus
    """Status. A verification that found differences is `done`, too: see `outcomes`."""
    asked_by: StaffMember
    """Who requested it."""
    run_by: str | None = None
    """The process that runs it; absent before and after."""
    stop_wanted: bool | None = None
    """Present if its stop was requested."""
    attempts: int
    """How often it was started: more than once if a process died meanwhile."""
    progress: list[Progress] | None = None
    """Progress; absent before it starts."""
    outcomes: list[Outcome] | None = None
    """Outcomes by read model; absent while it is open."""
    examples: list[JobExample] | None = None
    """Verification: the first hundred differences of each read model."""
    error: str | None = None
    """The reason of a failure."""
    started_at: datetime | None = None
    """Time of the last start."""
    ended_at: datetime | None = None
    """Time of the end."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None


router = Router("/v1/projection-jobs", "operations", least=Role.OPERATIONS)

JobId = Annotated[str, Path(alias="jobId", min_length=1, max_length=64, description="The job's id.")]


@router.post("", status_code=202)
def ask_for_projection_job(call: Admin, body: JobBody) -> ProjectionJob:
    """Request a rebuild or verification of read models; admins. Jobs run one at a time, in order.

    Documents stay readable. If the same job is waiting or running already, the answer is that job.
    """
    names = COLLECTIONS if body.projections is None else dict.fromkeys(body.projections)
    options = body.model_dump(exclude={"kind", "projections"})
    actor = {name: each for name, each in call.by.actor._asdict().items() if each is not None}
    record = Jobs(call.services.servers.database).ask(body.kind, names, actor, **options)
    call.response.headers["Location"] = f"/v1/projection-jobs/{record['_id']}"
    return ProjectionJob.model_validate(record)


@router.get("")
async def list_projection_jobs(
    request: Request,
    listing: ListedByCreation,
    kind: JobKind | None = None,
    status: JobStatus | None = None,
) -> Page[ProjectionJob]:
    """List jobs, newest first; for operations and up."""
    return await page(request, COLLECTION, ProjectionJob, listing, {"kind": kind, "status": status})


@router.document("/{jobId}", ProjectionJob)
async def get_projection_job(request: Request, job_id: JobId) -> Response:
    """Get one job: its progress, and its outcome."""
    record = await one_document(services_of(request).database, COLLECTION, "job", job_id, {})
    return represented(request, ProjectionJob.model_validate(record))


@router.post("/{jobId}/stop", responses=documented(404, 409))
def stop_projection_job(call: Admin, job_id: JobId) -> ProjectionJob:
    """Stop a job; admins. A running job ends within seconds, and the documents stay as they were.

    A rebuild keeps its progress: `resume` of a new job continues it. One that has ended is refused: 409.
    """
    record = Jobs(call.services.servers.database).stop(job_id)
    if record is None:
        raise NotFoundError("job", job_id)
    if record["status"] in (JobStatus.DONE, JobStatus.FAILED):
        raise ProblemError(409, "job_ended", f"The job is {record['status']} and cannot be stopped.")
    return ProjectionJob.model_validate(record)
