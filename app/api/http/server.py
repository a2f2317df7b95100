"""uvicorn with the limits that it enforces. The ingress enforces the rest (deployment.md)."""

import socket

import uvicorn
from fastapi import FastAPI

from app.api.services import Services
from app.errors import PortTakenError
from app.runtime.settings.settings import Settings

_GRACE_S = 10


class ApiServer(uvicorn.Server):
    """Ends streams when the server stops: uvicorn would wait for them, then cut them off."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=settings.api_connections + 1,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connections, and let the open ones finish."""
        services: Services = self._app.state.services
        services.closing.set()
        await super().shutdown(sockets)


def listen(host: str, port: int, stall_seconds: float) -> socket.socket:
    """A listening socket. Raises PortTakenError.

    The kernel closes a connection whose client takes nothing of its answer for ``stall_seconds``.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise PortTakenError(host, port, "BILLIE_API", error) from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; accepted connections inherit it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(stall_seconds * 1_000))
    return listener
