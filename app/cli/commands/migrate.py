"""``billie migrate``: bring MongoDB to the newest migration."""

import typer
from pymongo.errors import ConnectionFailure

from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.projections.migrations import MigrationError, migrate
from app.runtime.servers.clients import mongo_client


def command() -> None:
    """Create collections, validators and indexes; running it again changes nothing."""
    settings = settings_for("migrate")
    ran = 0
    with mongo_client(settings) as client:
        try:
            for migration in migrate(client[settings.mongo_db]):
                typer.echo(f"Ran {migration.name}.")
                ran += 1
        except MigrationError as error:
            typer.echo(f"{error}.", err=True)
            raise typer.Exit(1) from error
        except ConnectionFailure as error:
            raise unreachable(error, "BILLIE_MONGO_URL") from error
    if not ran:
        typer.echo(f"{settings.mongo_db} is at the newest migration.")
