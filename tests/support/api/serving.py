"""The API over a socket, for tests that speak HTTP."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from socket import socket
from threading import Thread
from typing import Any

from fastapi import FastAPI

from app.api.application import create_app
from app.api.http.server import ApiServer, listen
from app.runtime.settings.settings import Settings
from tests.support.waiting import LONG_S


class _Server(ApiServer):
    """Says when it is up, and stops at once on request: elsewhere it looks ten times a second."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(app, settings)
        self.up: Future[None] = Future()

    async def startup(self, *args: Any, **kwargs: Any) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(*args, **kwargs)
        self.up.set_result(None)

    def serve_until_stopped(self, listener: socket) -> None:
        """Run. If it ends before it is up, those who wait for that get the reason."""
        try:
            self.run(sockets=[listener])
        except BaseException as error:
            if self.up.done():
                raise
            self.up.set_exception(error)

    def raise_unless_up(self) -> None:
        """Wait until it is. Raises RuntimeError once it has ended instead, or after a minute."""
        try:
            self.up.result(LONG_S)
        except (Exception, SystemExit) as error:
            raise RuntimeError(f"The API is not up; its log may say why: {error!r}") from error

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
        if self.up.done() and self.up.exception() is None:
            self._loop.call_soon_threadsafe(self._stopping.set)


@contextmanager
def serving(settings: Settings, app: FastAPI | None = None, port: int = 0) -> Iterator[str]:
    """The API's base URL, while it serves; ``app``: one with routes of the test's own."""
    server = _Server(app or create_app(settings), settings)
    with listen("127.0.0.1", port, settings.api_stall_seconds) as listener:
        thread = Thread(target=server.serve_until_stopped, args=(listener,))
        thread.start()
        try:
            server.raise_unless_up()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop()
            thread.join(LONG_S)
