"""The console script ``billie``: one file a verb, gathered here.

Exit codes of every verb: 0 done, 1 it found a problem, 2 usage, 3 a server cannot be reached.
"""

import sys
from importlib import import_module

import typer
from pydantic import ValidationError

from app.aggregates import EventStoreUrlError
from app.ingestion.parsers import ParserError
from app.runtime.secret_files import SecretFileError
from app.runtime.traces import TracesError

VERBS = (
    "ingest",
    "project",
    "api",
    "migrate",
    "history",
    "rebuild",
    "verify",
    "publish",
    "token",
    "status",
    "doctor",
    "reconcile",
    "ledger_sandbox",
    "demo",
)
GROUPS = ("backup", "dead_letters", "events", "keys")

cli = typer.Typer(
    name="billie",
    help="Billie Servicing: ingest, project, serve.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def run() -> None:
    """Entry point: registers each verb's ``command`` and each noun's ``group``, and runs one."""
    for verb in VERBS:
        module = import_module(f"app.cli.{verb}")
        cli.command(verb.replace("_", "-"))(module.command)
    for noun in GROUPS:
        module = import_module(f"app.cli.{noun}")
        cli.add_typer(module.group, name=noun.replace("_", "-"))
    try:
        cli()
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in fault["loc"]).upper()
            typer.echo(f"BILLIE_{name}: {fault['msg'].removeprefix('Value error, ')}.", err=True)
        sys.exit(2)
    except (EventStoreUrlError, ParserError, SecretFileError, TracesError) as error:
        typer.echo(f"{error}.", err=True)
        sys.exit(2)


if __name__ == "__main__":
    run()
