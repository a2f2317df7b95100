"""The collection ``projection-jobs``: rebuilds and verifications that somebody asked for over the API."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.projections.jobs.jobs import JobKind, JobStatus
from app.projections.read_models.types import CreatedAt, Model, StaffMember, UpdatedAt


class JobProgress(Model):
    """How far a job is with one read model."""

    projection: str
    """Its name."""
    phase: Literal["prepare", "fold", "catch_up", "swap", "compare"]
    """Of a rebuild `fold`, `catch_up`, `swap`, one after the other; of a verification `fold`, `compare`."""
    position: int
    """The events are folded up to there,"""
    newest: int
    """of those up to there."""
    documents: int
    """Written, or compared, so far."""


class JobOutcome(Model):
    """What came of a job for one read model."""

    projection: str
    """Its name."""
    position: int
    """The position in the event store that its documents are at."""
    events: int
    """Events folded."""
    documents: int
    """Documents there are, or that were compared."""
    seconds: float
    """How long it took."""
    differences: int | None = None
    """Of a verification: documents that were not what the events say."""
    undecided: int | None = None
    """Of a verification: documents that changed all the while, so that they could not be compared."""
    fixed: int | None = None
    """Of a verification: those of them that were put right."""


class JobExample(Model):
    """A document that was not what the events say. Its values are not kept: they may be personal."""

    projection: str
    """Whose document it is."""
    id: str
    """The document's `_id`."""
    kind: Literal["missing", "extra", "different", "set_aside", "undecided", "unfoldable"]
    """What is wrong with it."""
    position: int
    """The position of the last event that touched it."""
    fields: list[str]
    """Of one that is `different`: the paths that differ."""


class ProjectionJob(Model):
    """A rebuild or a verification of read models, asked for over the API and done by `billie project`."""

    job_id: str = Field(validation_alias="_id")
    """The job's identifier."""
    kind: JobKind
    """What is done."""
    projections: list[str]
    """The read models that it is about."""
    fix: bool = False
    """Of a verification: whether what differs is put right."""
    resume: bool = False
    """Of a rebuild: whether it goes on from what an unfinished one left."""
    status: JobStatus
    """How it stands. `done` is also a verification that found differences: see `outcomes`."""
    asked_by: StaffMember
    """Who asked for it."""
    run_by: str | None = None
    """The process that runs it; absent while it waits, and once it ended."""
    stop_wanted: bool | None = None
    """Somebody asked for it to be stopped; absent where nobody did."""
    attempts: int
    """How often it was begun: more than once where a process died of it, or beside it."""
    progress: list[JobProgress] | None = None
    """How far it is; absent before it is begun."""
    outcomes: list[JobOutcome] | None = None
    """What came of it, for each read model; absent while it is open."""
    examples: list[JobExample] | None = None
    """Of a verification: the first hundred differences of each read model."""
    error: str | None = None
    """Why it failed."""
    started_at: datetime | None = None
    """When it was begun last."""
    ended_at: datetime | None = None
    """When it ended."""
    created_at: CreatedAt = None
    updated_at: UpdatedAt = None
