"""The API over a socket, for tests that speak HTTP."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI

from app.api.application import create_app
from app.api.http.server import ApiServer, listen
from app.runtime.settings.settings import Settings


class _Server(ApiServer):
    """Says when it is up, and stops at once on request: elsewhere it looks ten times a second."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(app, settings)
        self.up = threading.Event()

    async def startup(self, *args: Any, **kwargs: Any) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(*args, **kwargs)
        self.up.set()

    async def main_loop(self) -> None:
        ticking, stopping = (
            asyncio.create_task(super().main_loop()),
            asyncio.create_task(self._stopping.wait()),
        )
        await asyncio.wait((ticking, stopping), return_when=asyncio.FIRST_COMPLETED)
        for each in (ticking, stopping):
            each.cancel()

    def stop(self) -> None:
        self.should_exit = True
        if self.up.is_set():
            self._loop.call_soon_threadsafe(self._stopping.set)


@contextmanager
def serving(settings: Settings, app: FastAPI | None = None, port: int = 0) -> Iterator[str]:
    """The API's base URL, while it serves; ``app``: one with routes of the test's own."""
    server = _Server(app or create_app(settings), settings)
    with listen("127.0.0.1", port, settings.api_stall_seconds) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert server.up.wait(10)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop()
            thread.join(10)
