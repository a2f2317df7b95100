"""Projection jobs: what may be asked of one, and the collection ``projection-jobs``."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from app.api.http.request_fields import Body
from app.projections.jobs.jobs import JobKind, JobStatus
from app.projections.read_models.base import CreatedAt, Model, StaffMember, UpdatedAt
from app.projections.read_models.catalogue import COLLECTIONS


def _known(name: str) -> str:
    if name not in COLLECTIONS:
        msg = f"no such read model; read models: {', '.join(COLLECTIONS)}"
        raise ValueError(msg)
    return name


ReadModel = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": [*COLLECTIONS]})]
Projections = Annotated[
    list[ReadModel] | None,
    Field(min_length=1, max_length=32, description="The read models; all, if absent."),
]


class RebuildBody(Body):
    """Rebuild read models from the events."""

    kind: Literal["rebuild"]
    projections: Projections = None
    resume: bool = Field(False, strict=True, description="Continue an unfinished rebuild.")


class VerifyBody(Body):
    """Compare the documents of read models with the events."""

    kind: Literal["verify"]
    projections: Projections = None
    fix: bool = Field(False, strict=True, description="Repair what differs.")


JobBody = Annotated[RebuildBody | VerifyBody, Field(discriminator="kind")]


class JobProgress(Model):
    """A job's progress with one read model."""

    projection: str
    """The read model."""
    phase: Literal["prepare", "fold", "catch_up", "swap", "compare"]
    """A rebuild goes through `fold`, `catch_up`, `swap`; a verification through `fold`, `compare`."""
    position: int
    """Position of the last event applied."""
    newest: int
    """Position of the newest event."""
    documents: int
    """Documents written or compared so far."""


class JobOutcome(Model):
    """A job's outcome for one read model."""

    projection: str
    """The read model."""
    position: int
    """Position of its documents in the event store."""
    events: int
    """Events applied."""
    documents: int
    """Documents written or compared."""
    seconds: float
    """Duration."""
    differences: int | None = None
    """Verification: documents that differ from the events."""
    undecided: int | None = None
    """Verification: documents that kept changing, and could not be compared."""
    fixed: int | None = None
    """Verification: documents repaired."""


class JobExample(Model):
    """A document that differs from the events. Its values, which may be personal, are not kept."""

    projection: str
    """The read model."""
    id: str
    """The document's `_id`."""
    kind: Literal["missing", "extra", "different", "set_aside", "undecided", "unfoldable"]
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
    progress: list[JobProgress] | None = None
    """Progress; absent before it starts."""
    outcomes: list[JobOutcome] | None = None
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
