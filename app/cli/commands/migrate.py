"""``billie migrate``: bring MongoDB to the newest migration."""

from typing import Any

import typer
from pymongo.database import Database
from pymongo.errors import ConnectionFailure

from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.projections.engine.positions import MongoTrackingRecorder
from app.projections.engine.projection import Projection
from app.projections.migrations import ChangedMigrationError, Migration, migrate
from app.projections.read_models.catalogue import all_projections
from app.runtime.servers.clients import mongo_client


def command() -> None:
    """Create collections, validators and indexes; running it again changes nothing."""
    settings = settings_for("migrate")
    with mongo_client(settings) as client:
        try:
            database = client[settings.mongo_db]
            ran = 0
            for migration in migrate(database):
                typer.echo(f"Ran {migration.name}.")
                _tell_of_rebuilds(migration, all_projections(settings), database)
                ran += 1
        except ChangedMigrationError as error:
            typer.echo(f"{error}.", err=True)
            raise typer.Exit(1) from error
        except ConnectionFailure as error:
            raise unreachable(error, "BILLIE_MONGO_URL") from error
    if not ran:
        typer.echo(f"{settings.mongo_db} is at the newest migration.")


def _tell_of_rebuilds(
    migration: Migration, projections: dict[str, Projection], database: Database[dict[str, Any]]
) -> None:
    for name in migration.rebuilds():
        if MongoTrackingRecorder(database, name).is_outdated(projections[name].version):
            typer.echo(f"  It takes effect for {name} with `billie rebuild {name}`: nothing waits for that.")
