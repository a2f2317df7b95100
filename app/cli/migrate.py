"""``billie migrate``: bring MongoDB to the newest migration."""

import typer
from pymongo.errors import ConnectionFailure

from app.cli.unreachable import unreachable
from app.projections.migrations import ChangedMigrationError, migrate
from app.projections.runner import mongo_client
from app.runtime.settings import get_settings


def command() -> None:
    """Create collections, validators and indexes; running it again changes nothing."""
    settings = get_settings()
    with mongo_client(settings) as client:
        try:
            ran = 0
            for name in migrate(client[settings.mongo_db]):
                typer.echo(f"Ran {name}.")
                ran += 1
        except ChangedMigrationError as error:
            typer.echo(f"{error}.", err=True)
            raise typer.Exit(1) from error
        except ConnectionFailure as error:
            raise unreachable(error, "BILLIE_MONGO_URL") from error
    if not ran:
        typer.echo(f"{settings.mongo_db} is at the newest migration.")
