"""Whether this process lives, and whether it can serve: for whoever starts it, and sends requests its way."""

from fastapi import APIRouter, Depends, Request

from app.api.http.pages import refuse_unknown_parameters
from app.api.http.problems import documented

router = APIRouter(
    tags=["health"], dependencies=[Depends(refuse_unknown_parameters)], responses=documented(400)
)


@router.get("/healthz", operation_id="live")
async def healthz() -> dict[str, str]:
    """Whether this process answers."""
    return {"status": "ok"}


@router.get("/readyz", operation_id="ready", responses=documented(503))
async def readyz(request: Request) -> dict[str, str]:
    """Whether this process can serve reads: MongoDB answers, and tokens can be checked."""
    await request.app.state.tokens.ready()
    await request.app.state.database.command("ping")
    return {"status": "ok"}
