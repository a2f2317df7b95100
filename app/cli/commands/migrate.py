"""``billie migrate``: bring MongoDB to the newest migration."""

import typer

from app.cli.terminal.configured import settings_for
from app.projections.migrations import migrate
from app.runtime.servers.clients import mongo_client


def command() -> None:
    """Create collections, validators and indexes; running it again changes nothing."""
    settings = settings_for("migrate")
    ran = 0
    with mongo_client(settings) as client:
        for migration in migrate(client[settings.mongo_db]):
            typer.echo(f"Ran {migration.name}.")
            ran += 1
    if not ran:
        typer.echo(f"{settings.mongo_db} is at the newest migration.")
