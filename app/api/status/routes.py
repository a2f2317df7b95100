"""Liveness, readiness, and the operators' view of the pipeline."""

from fastapi import APIRouter, Depends, Request

from app.api.auth.requirements import refuse_unknown_parameters, requires
from app.api.auth.roles import Role
from app.api.http.problems import documented
from app.api.services import services_of
from app.operations.status.report import Status
from app.operations.status.status import status

router = APIRouter(responses=documented(400))


@router.get(
    "/healthz", operation_id="live", tags=["health"], dependencies=[Depends(refuse_unknown_parameters)]
)
async def healthz() -> dict[str, str]:
    """Whether this process answers."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    operation_id="ready",
    tags=["health"],
    dependencies=[Depends(refuse_unknown_parameters)],
    responses=documented(503),
)
async def readyz(request: Request) -> dict[str, str]:
    """Whether this process can serve reads: MongoDB answers, and tokens can be verified."""
    services = services_of(request)
    await services.callers.tokens.ready()
    await services.database.command("ping")
    return {"status": "ok"}


@router.get(
    "/v1/status",
    operation_id="getStatus",
    tags=["operations"],
    dependencies=[Depends(requires(Role.OPERATIONS))],
    responses=documented(401, 403),
)
def get_status(request: Request) -> Status:
    """Get the state of the pipeline, as `billie status --json` does; for operations and up.

    The answer is 200 also while a server is away: `away` names it, and what it would have said is null.
    """
    return status(services_of(request).servers)
