"""``billie api``: serve HTTP."""

import socket
from contextlib import closing

import typer

from app.aggregates import MasterKeyError
from app.api.application import create_app
from app.api.serving import ApiServer
from app.api.tokens import AuthenticationNotConfiguredError
from app.cli.measured import measured
from app.ledger.channel import LedgerSettingsError
from app.operations.scraped import MoneyMetrics
from app.operations.servers import Servers
from app.runtime.logging import configure_logging
from app.runtime.metrics import Role
from app.runtime.settings import get_settings


def command() -> None:
    """Serve the REST API until told to stop."""
    settings = get_settings()
    try:
        app = create_app(settings)
        with closing(Servers(settings)) as servers:
            servers.check_master_key()
    except (AuthenticationNotConfiguredError, LedgerSettingsError, MasterKeyError) as error:
        typer.echo(f"The API does not start: {error}.", err=True)
        raise typer.Exit(2) from error
    configure_logging("api", settings.log_format)
    place = (settings.api_host, settings.api_port)
    family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
    try:
        listener = socket.create_server(place, family=family)
    except OSError as error:
        typer.echo(
            f"{place[0]}, port {place[1]}: {error.strerror}. Set BILLIE_API_HOST or BILLIE_API_PORT.",
            err=True,
        )
        raise typer.Exit(3) from error
    with (
        listener,
        closing(Servers(settings)) as servers,
        measured(settings, Role.API, MoneyMetrics(servers)),
    ):
        shown = f"[{settings.api_host}]" if family is socket.AF_INET6 else settings.api_host
        typer.echo(f"Serving http://{shown}:{listener.getsockname()[1]}/docs")
        ApiServer(app, timeout_graceful_shutdown=10).run(sockets=[listener])
