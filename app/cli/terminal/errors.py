"""Reports what a command raises, and ends it with the exit code that the error's class has."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from pydantic import ValidationError

from app.errors import BillieError, ConfigurationError
from app.runtime.observability.logging import in_short


@contextmanager
def reported() -> Iterator[None]:
    """Exit with 2 for wrong settings, with 3 for a server that is away, as its class says for our errors."""
    try:
        yield
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in fault["loc"]).upper()
            typer.echo(f"BILLIE_{name}: {fault['msg'].removeprefix('Value error, ')}.", err=True)
        sys.exit(2)
    except BillieError as error:
        text = str(error)
        typer.echo(text if "\n" in text or text.endswith(".") else f"{text}.", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if (setting := _setting_of(error)) is None:
            raise
        sys.exit(unreachable(error, setting).exit_code)


def unreachable(error: BaseException, setting: str) -> typer.Exit:
    """The exit to raise for a server that cannot be reached: 3, or 2 for a wrong master key."""
    if isinstance(error, ConfigurationError):
        typer.echo(f"{error}.", err=True)
        return typer.Exit(error.exit_code)
    typer.echo(f"A server cannot be reached: {in_short(error)}. Check {setting}.", err=True)
    return typer.Exit(3)


def _setting_of(error: Exception) -> str | None:
    """The setting that names the server whose client raised the error; None for any other error."""
    # Imported here: a command that works needs none of them, or has imported what it needs.
    from pymongo.errors import PyMongoError
    from redis.exceptions import RedisError

    from app.event_store.errors import EVENT_STORE_ERRORS

    settings: dict[str, type[Exception] | tuple[type[Exception], ...]] = {
        "BILLIE_REDIS_URL": RedisError,
        "BILLIE_MONGO_URL": PyMongoError,
        "BILLIE_EVENT_STORE_URL": EVENT_STORE_ERRORS,
    }
    return next((name for name, kinds in settings.items() if isinstance(error, kinds)), None)
