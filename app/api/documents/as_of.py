"""Time travel: a document as it was known at a moment, folded from the events recorded by then."""

from datetime import UTC, datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Query, Request, Response

from app.api.http.problems import ProblemError, not_found
from app.api.http.time_bounds import From
from app.operations.servers import Servers
from app.projections.engine.reading import EventReader
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild.one_document import document_as_of

AsOf = Annotated[
    From | None,
    Query(
        description="As it was known then, from the events recorded by that moment: a time, or a day, which "
        "stands for its beginning (UTC). `Billie-As-Of` says the moment.",
    ),
]


async def document_then(
    request: Request, response: Response, collection: str, kind: str, identifier: str, moment: datetime
) -> dict[str, Any]:
    """The document at a moment. 404 where it was not known then, 400 for a moment that is still to come.

    Raises ProjectionFault for an event that cannot be read, and one of EVENT_STORE_ERRORS.
    """
    if moment > datetime.now(UTC):
        raise ProblemError(400, "future_moment", "asOf: nobody knows yet what will be then.")
    found = await to_thread.run_sync(_folded, request.app.state.servers, collection, identifier, moment)
    then = moment.isoformat().replace("+00:00", "Z")
    if found is None:
        raise not_found(kind, identifier, f" of which anything was known at {then}")
    response.headers["Billie-As-Of"] = then
    return found


def _folded(servers: Servers, collection: str, identifier: str, moment: datetime) -> dict[str, Any] | None:
    projection = all_projections(servers.settings)[collection]
    reader = EventReader(servers.event_store(), projection.topics(), collection)
    return document_as_of(projection, reader, identifier, moment)
