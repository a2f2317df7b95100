"""``billie api``: serve HTTP."""

import socket

import typer
import uvicorn

from app.api.application import create_app
from app.api.auth import AuthenticationNotConfiguredError
from app.runtime.logging import configure_logging
from app.runtime.settings import get_settings


def command() -> None:
    """Serve the REST API until told to stop."""
    settings = get_settings()
    try:
        app = create_app(settings)
    except AuthenticationNotConfiguredError as error:
        typer.echo(f"The API does not start: {error}.", err=True)
        raise typer.Exit(2) from error
    configure_logging("api")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.api_host, settings.api_port))
        except OSError as error:
            place = f"{settings.api_host}:{settings.api_port}"
            typer.echo(f"{place}: {error.strerror}. Set BILLIE_API_HOST or BILLIE_API_PORT.", err=True)
            raise typer.Exit(3) from error
        host, port = listener.getsockname()[:2]
        typer.echo(f"Serving http://{host}:{port}/docs")
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=10)
        uvicorn.Server(config).run(sockets=[listener])
