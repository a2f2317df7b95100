"""``billie api``: serve HTTP."""

import typer

from app.cli.terminal.configured import settings_for
from app.errors import ConfigurationError
from app.ledger.client.health import is_sandbox
from app.runtime.bootstrap import Api
from app.runtime.settings.settings import Settings


def command() -> None:
    """Serve the REST API, and the console if it is on, until stopped."""
    settings = settings_for("api")
    _refuse_a_sandbox(settings)
    Api(settings).run(lambda address: typer.echo(f"Serving {address}/docs"))


def _refuse_a_sandbox(settings: Settings) -> None:
    """In production, exit with 2 if the ledger is a sandbox. A ledger that is away may come later."""
    if settings.env == "production" and is_sandbox(settings):
        raise ConfigurationError(
            "With BILLIE_ENV=production, `billie api` does not start: BILLIE_LEDGER_TARGET, "
            f"{settings.ledger_target}, is a sandbox ledger, which moves no real money"
        )
