"""The console script ``billie``: one file a verb, gathered here.

Exit codes of every verb: 0 done, 1 it found a problem, 2 usage, 3 a server cannot be reached.
"""

import sys
from importlib import import_module

import typer
from pydantic import ValidationError

from app.event_store.errors import EventStoreUrlError
from app.ingestion.messages.parsers import ParserError
from app.runtime.observability.tracing import TracingError
from app.runtime.settings.secret_files import SecretFileError

ROLES = ("ingest", "project", "api", "ledger_sandbox", "demo")
COMMANDS = ("migrate", "history", "rebuild", "verify", "publish", "token", "status", "doctor", "reconcile")
GROUPS = ("backup", "dead_letters", "events", "keys")

cli = typer.Typer(
    name="billie",
    help="Billie Servicing: ingest, project, serve.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@cli.callback()
def _every_verb() -> None:
    """Billie Servicing: ingest, project, serve."""


def run() -> None:
    """Entry point: registers what is asked for, and runs it."""
    _register(sys.argv[1] if len(sys.argv) > 1 else "")
    try:
        cli()
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in fault["loc"]).upper()
            typer.echo(f"BILLIE_{name}: {fault['msg'].removeprefix('Value error, ')}.", err=True)
        sys.exit(2)
    except (EventStoreUrlError, ParserError, SecretFileError, TracingError) as error:
        typer.echo(f"{error}.", err=True)
        sys.exit(2)


def _register(asked: str) -> None:
    """A verb's ``command`` or a noun's ``group``; all of them where it is none of these, for the help.

    One alone takes a third of the time to load: most verbs need no HTTP framework.
    """
    named = {each.replace("_", "-"): each for each in (*ROLES, *COMMANDS, *GROUPS)}
    for name in [asked] if asked in named else named:
        folder = "roles" if named[name] in ROLES else "commands"
        module = import_module(f"app.cli.{folder}.{named[name]}")
        if named[name] in GROUPS:
            cli.add_typer(module.group, name=name)
        else:
            cli.command(name)(module.command)


if __name__ == "__main__":
    run()
