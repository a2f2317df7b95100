"""``billie api``: serve HTTP."""

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
    typer.echo(f"Serving http://{settings.api_host}:{settings.api_port}/docs")
    uvicorn.run(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
    )
