"""Time travel: a document as of a time, folded from the events recorded by then."""

from datetime import UTC, datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Query

from app.api.http.problems import ProblemError
from app.api.http.time_bounds import From
from app.errors import NotFoundError
from app.operations.servers import Servers
from app.projections.engine.reading import EventReader
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild.one_document import document_as_of

AsOf = Annotated[
    From | None,
    Query(
        alias="asOf",
        description="The document as of this time, from the events recorded by then: a time, or a day, which "
        "means its start (UTC). `Billie-As-Of` repeats the time.",
    ),
]


async def document_then(
    servers: Servers, collection: str, kind: str, identifier: str, at: datetime, headers: dict[str, str]
) -> dict[str, Any]:
    """The document as of a time, with a header that says so. 404 if it did not exist, 400 for a future time.

    Raises ProjectionFault for an event that cannot be read, and one of EVENT_STORE_ERRORS.
    """
    if at > datetime.now(UTC):
        raise ProblemError(400, "future_moment", "asOf: the time is in the future.")
    found = await to_thread.run_sync(_fold, servers, collection, identifier, at)
    then = at.isoformat().replace("+00:00", "Z")
    if found is None:
        raise NotFoundError(kind, identifier, f" as of {then}")
    headers["Billie-As-Of"] = then
    return found


def _fold(servers: Servers, collection: str, identifier: str, at: datetime) -> dict[str, Any] | None:
    projection = all_projections(servers.settings)[collection]
    reader = EventReader(servers.event_store(), projection.topics(), collection)
    return document_as_of(projection, reader, identifier, at)
