"""Server-sent events: how a stream is sent, kept alive, and ended."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, TypeVar, cast

from anyio import CancelScope
from fastapi.responses import StreamingResponse
from fastapi.sse import ServerSentEvent, format_sse_event
from starlette.types import Send

T = TypeVar("T")

RETRY_MS = 3_000
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Nginx must not buffer it."""


class EventStream(StreamingResponse):
    """Server-sent events. The heartbeats are among them: the framework's own cannot be configured."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncGenerator[bytes] | None = None, status_code: int = 200) -> None:
        super().__init__(content or [], status_code, _HEADERS)

    async def stream_response(self, send: Send) -> None:
        """Closes the events with the connection."""
        async with aclosing(cast(Any, self.body_iterator)):
            await super().stream_response(send)


def stream_described(example: str) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI of a route that answers with a stream of events."""
    content = {EventStream.media_type: {"schema": {"type": "string"}, "example": example}}
    return {200: {"description": "Events, until either side disconnects", "content": content}}


def event(**parts: Any) -> bytes:
    """An event on the wire. Raises ValueError for an id of several lines."""
    sent = ServerSentEvent(**parts)
    return format_sse_event(
        data_str=sent.raw_data, event=sent.event, id=sent.id, retry=sent.retry, comment=sent.comment
    )


async def with_heartbeats(
    items: AsyncIterator[T], seconds: float, closing: asyncio.Event, *, max_s: float | None = None
) -> AsyncGenerator[T | None]:
    """The items as they come, and None after each ``seconds`` without one.

    It ends with them, when the server stops, and after ``max_s``.
    """
    loop = asyncio.get_running_loop()
    ends_at = None if max_s is None else loop.time() + max_s
    stopping = asyncio.ensure_future(closing.wait())
    coming = asyncio.ensure_future(_next(items))
    try:
        while True:
            wait = seconds if ends_at is None else min(seconds, max(0, ends_at - loop.time()))
            await asyncio.wait({coming, stopping}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                if (found := coming.result()) is None:
                    return
                yield found[0]
                coming = asyncio.ensure_future(_next(items))
            elif stopping.done() or (ends_at is not None and loop.time() >= ends_at):
                return
            else:
                yield None
    finally:
        stopping.cancel()
        coming.cancel()
        # Until the items have released what they hold, also when this request was cancelled.
        with CancelScope(shield=True):
            await asyncio.wait({stopping, coming})


async def _next(items: AsyncIterator[T]) -> tuple[T] | None:
    """The next item; None at the end."""
    try:
        return (await anext(items),)
    except StopAsyncIteration:
        return None
