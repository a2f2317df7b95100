"""Chats as people read them: what was said, what was assessed, and what was decided."""

from fastapi import APIRouter
from fastapi.responses import Response

from app.console.session.guard import PageRoute
from app.console.ui.page_context import AtDesk

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/conversations/{conversation_id}")
async def get_conversation(desk: AtDesk, conversation_id: str) -> Response:
    """A page of its own."""
    chat = await desk.rest.get("/v1/conversations/{}", conversation_id)
    return desk.page("conversation.html", chat=chat)


@router.get("/conversations/{conversation_id}/transcript")
async def get_transcript(desk: AtDesk, conversation_id: str) -> Response:
    """The same, as a part of the customer's page."""
    chat = await desk.rest.get("/v1/conversations/{}", conversation_id)
    return desk.page("transcript.html", chat=chat)
