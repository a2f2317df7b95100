"""A chat: its messages, assessments and decision."""

from fastapi.responses import Response

from app.console.ui.page import Context, page_router

router = page_router()


@router.get("/conversations/{conversation_id}")
async def get_conversation(context: Context, conversation_id: str) -> Response:
    chat = await context.rest.get("/v1/conversations/{}", conversation_id)
    return context.render("conversations/conversation.html", chat=chat)


@router.get("/conversations/{conversation_id}/transcript")
async def get_transcript(context: Context, conversation_id: str) -> Response:
    """The chat as a part of the customer page."""
    chat = await context.rest.get("/v1/conversations/{}", conversation_id)
    return context.render("conversations/transcript.html", chat=chat)
