"""The HTTP server of the API: uvicorn, which tells what streams that it is about to stop."""

import socket
from typing import Any

import uvicorn

from app.api.http.connections import connections_of


class ApiServer(uvicorn.Server):
    """Lets streams end when the server is told to stop: it would wait for them, and then cut them off."""

    def __init__(self, app: Any, **config: Any) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=connections_of(app.state.settings),
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                **config,
            )
        )
        self._state = app.state

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: no new connections, and those that there are come to their end."""
        self._state.closing.set()
        await super().shutdown(sockets)
