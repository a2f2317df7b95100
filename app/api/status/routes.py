"""The operators' view of the pipeline."""

from fastapi import APIRouter, Depends, Request

from app.api.auth.callers import Role
from app.api.auth.requires import requires
from app.api.http.problems import documented
from app.operations.status.report import Status
from app.operations.status.status import status

router = APIRouter(
    prefix="/v1",
    tags=["operations"],
    dependencies=[Depends(requires(Role.OPERATIONS))],
    responses=documented(400, 401, 403),
)


@router.get("/status", operation_id="getStatus")
def get_status(request: Request) -> Status:
    """Get the state of the pipeline, as `billie status --json` does; for operations and up.

    The answer is 200 also where a server is away: `away` names it, and what it would have told is null.
    """
    return status(request.app.state.servers)
