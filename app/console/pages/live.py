"""Live updates: ``GET /v1/changes`` as the signed-in person, for the browser's ``EventSource``.

An ``EventSource`` can send no token and our pages hold none, so the session opens the same stream.
"""

from fastapi import APIRouter, Depends, Request

from app.api.auth.requirements import IN_PROCESS, Authenticated
from app.api.changes.routes import Place, stream_changes
from app.api.http.event_streams import EventStream
from app.console.session.sessions import SessionOf

router = APIRouter(include_in_schema=False)  # Its errors are those of the API, not pages.


async def _as_signed_in(request: Request, session: SessionOf) -> None:
    request.scope[IN_PROCESS] = session.caller


router.add_api_route(
    "/live",
    stream_changes,
    response_class=EventStream,
    dependencies=[Depends(_as_signed_in), Authenticated, Place],
)
