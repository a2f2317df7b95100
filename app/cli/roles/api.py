"""``billie api``: serve HTTP."""

from contextlib import closing

import typer

from app.api.auth.tokens import AuthenticationNotConfiguredError
from app.api.http.server import ApiServer, listen
from app.cli.terminal.configured import settings_for
from app.console.application import create_app
from app.console.session.wiring import ConsoleNotConfiguredError
from app.ledger.client.channel import LedgerSettingsError
from app.ledger.client.configured import configured_security
from app.ledger.client.health import is_sandbox
from app.operations.servers import Servers
from app.operations.status.metrics import MoneyMetrics
from app.privacy.master_keys import MasterKeyError
from app.runtime.observability.logging import configure_logging
from app.runtime.observability.metric import Role
from app.runtime.observability.metrics_server import serving_metrics
from app.runtime.observability.tracing import Tracing, tracing
from app.runtime.servers.gc_tuning import spare_what_is_there
from app.runtime.settings.settings import Settings


def command() -> None:
    """Serve the REST API, and the console if it is on, until stopped."""
    settings = settings_for("api")
    with tracing(settings, Role.API) as traced:
        _serve(settings, traced)


def _serve(settings: Settings, traced: Tracing) -> None:
    try:
        _refuse_a_sandbox(settings)
        app = create_app(settings, traced)
        with closing(Servers(settings)) as servers:
            servers.check_master_key()
    except (
        AuthenticationNotConfiguredError,
        ConsoleNotConfiguredError,
        LedgerSettingsError,
        MasterKeyError,
    ) as error:
        typer.echo(f"The API does not start: {error}.", err=True)
        raise typer.Exit(2) from error
    configure_logging("api", settings.log_format)
    host, port = settings.api_host, settings.api_port
    try:
        listener = listen(host, port, settings.api_stall_seconds)
    except OSError as error:
        typer.echo(
            f"{host}, port {port}: {error.strerror}. Set BILLIE_API_HOST or BILLIE_API_PORT.", err=True
        )
        raise typer.Exit(3) from error
    with (
        listener,
        closing(Servers(settings)) as servers,
        serving_metrics(settings, Role.API, [MoneyMetrics(servers)]),
    ):
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"Serving http://{shown}:{listener.getsockname()[1]}/docs")
        spare_what_is_there()
        ApiServer(app, settings).run(sockets=[listener])


def _refuse_a_sandbox(settings: Settings) -> None:
    """In production, exit with 2 if the ledger is a sandbox. A ledger that is away may come later."""
    if settings.env == "production" and is_sandbox(
        settings.ledger_target, security=configured_security(settings)
    ):
        typer.echo(
            f"With BILLIE_ENV=production, `billie api` does not start with a sandbox ledger, which moves no "
            f"real money: set BILLIE_LEDGER_TARGET, {settings.ledger_target}, to the real one.",
            err=True,
        )
        raise typer.Exit(2)
