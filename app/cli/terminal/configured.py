"""The settings of a command, checked for production."""

import typer

from app.runtime.settings.production import refusals
from app.runtime.settings.settings import Settings, get_settings


def settings_for(command: str) -> Settings:
    """The settings. Exits with 2, and names each setting that production refuses."""
    settings = get_settings()
    if refused := refusals(settings, command):
        typer.echo(f"With BILLIE_ENV=production, `billie {command}` does not start:", err=True)
        for each in refused:
            typer.echo(f"  - {each}", err=True)
        raise typer.Exit(2)
    return settings
