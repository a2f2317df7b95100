"""How a command reports settings that cannot be used, and a server that it cannot reach."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from pydantic import ValidationError

from app.errors import ConfigurationError, PortTakenError
from app.runtime.observability.logging import in_short


@contextmanager
def reported() -> Iterator[None]:
    """Exit with 2, and a sentence for each setting that cannot be used; with 3 for a port that is taken."""
    try:
        yield
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in fault["loc"]).upper()
            typer.echo(f"BILLIE_{name}: {fault['msg'].removeprefix('Value error, ')}.", err=True)
        sys.exit(2)
    except ConfigurationError as error:
        typer.echo(f"{error}.", err=True)
        sys.exit(2)
    except PortTakenError as error:
        typer.echo(f"{error}.", err=True)
        sys.exit(3)


def unreachable(error: BaseException, *settings: str) -> typer.Exit:
    """The exit to raise: 3 for an unreachable server, 2 for a setting, such as a wrong master key."""
    if isinstance(error, ConfigurationError):
        typer.echo(f"{error}.", err=True)
        return typer.Exit(2)
    typer.echo(f"A server cannot be reached: {in_short(error)}. Check {' and '.join(settings)}.", err=True)
    return typer.Exit(3)
