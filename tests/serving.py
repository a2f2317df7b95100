"""The API over a socket, for tests that speak HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI

from app.api.application import create_app
from app.api.serving import ApiServer
from app.runtime.settings import Settings


@contextmanager
def serving(settings: Settings, app: FastAPI | None = None, port: int = 0) -> Iterator[str]:
    """The API's base URL, while it serves; ``app``: one with routes of the test's own."""
    server = ApiServer(app or create_app(settings), host="127.0.0.1", port=port)
    up = threading.Event()
    startup = server.startup

    async def say_when_up(*args: Any, **kwargs: Any) -> None:
        await startup(*args, **kwargs)
        up.set()

    server.startup = say_when_up  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert up.wait(10)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
