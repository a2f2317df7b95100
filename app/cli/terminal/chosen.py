"""The read models that a command is about."""

import typer

from app.projections.engine.projection import Projection
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings


def chosen(settings: Settings, names: list[str] | None, *, all_of_them: bool) -> list[Projection]:
    """Those that were named, or all. Exits with 2 if a name is unknown or missing."""
    known = all_projections(settings)
    if unknown := [name for name in names or () if name not in known]:
        typer.echo(f"No read model {', '.join(unknown)}: there are {', '.join(known)}.", err=True)
        raise typer.Exit(2)
    if all_of_them:
        return list(known.values())
    if not names:
        typer.echo(f"Say which, or --all: there are {', '.join(known)}.", err=True)
        raise typer.Exit(2)
    return [known[name] for name in dict.fromkeys(names)]
