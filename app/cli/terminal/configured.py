"""The settings of a command, checked for production; and the options that several commands have."""

from typing import Annotated

import typer

from app.errors import ConfigurationError
from app.runtime.settings.production import refusals
from app.runtime.settings.settings import Settings, get_settings

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, for a script.")]
StopAtEof = Annotated[bool, typer.Option("--stop-at-eof", hidden=True, help="Stop when standard input ends.")]


def settings_for(command: str) -> Settings:
    """The settings. Raises ConfigurationError, which names each setting that production refuses."""
    settings = get_settings()
    if refused := refusals(settings, command):
        head = f"With BILLIE_ENV=production, `billie {command}` does not start:"
        raise ConfigurationError("\n".join([head, *(f"  - {each}" for each in refused)]))
    return settings
