"""All of a conversation, from its events: documents keep only the newest of it."""

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Request

from app.api.auth.audit import log_read
from app.api.auth.requires import Authenticated
from app.api.histories.transcript_pages import List
from app.api.http.pages import Limit, Page
from app.api.http.problems import documented, not_found
from app.projections.read_models.conversations import ConversationSummary, Notice, Utterance

router = APIRouter(
    prefix="/v1/conversations/{conversationId}",
    tags=["conversations"],
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 404, 422, 503),
)

Named = Annotated[str, Path(min_length=1, max_length=256)]
Start = Annotated[int, Query(ge=0, le=10_000_000, description="How many of the oldest to pass over.")]


@router.get("/utterances", operation_id="listUtterances", response_model_exclude_none=True)
async def list_utterances(
    request: Request,
    conversationId: Named,  # noqa: N803 - the wire's name
    limit: Limit = 50,
    start: Start = 0,
) -> Page[Utterance]:
    """List everything that was said, oldest first."""
    items, following = await _slice(request, conversationId, "utterances", start, limit)
    return Page(items=[Utterance.model_validate(item) for item in items], next=following)


@router.get("/noticeboard", operation_id="listNotices", response_model_exclude_none=True)
async def list_notices(
    request: Request,
    conversationId: Named,  # noqa: N803
    limit: Limit = 50,
    start: Start = 0,
) -> Page[Notice]:
    """List everything on the noticeboard, oldest first."""
    items, following = await _slice(request, conversationId, "noticeboard", start, limit)
    return Page(items=[Notice.model_validate(item) for item in items], next=following)


async def _slice(
    request: Request, conversation_id: str, which: List, start: int, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    state = request.app.state
    found = await to_thread.run_sync(
        lambda: state.transcripts.page(state.servers.event_store(), conversation_id, which, start, limit)
    )
    if found is None:
        raise not_found("conversation", conversation_id)
    whose = {"_id": conversation_id, "customerId": found.customer_id}
    log_read(request, ConversationSummary.model_validate(whose))
    following = str(request.url.include_query_params(start=start + limit)) if found.goes_on else None
    return found.items, following
