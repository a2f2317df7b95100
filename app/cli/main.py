"""The console script ``billie``: the table of its commands, each in a file of its own.

Exit codes of every command: 0 done, 1 it found a problem, 2 usage, 3 a server cannot be reached.
"""

import gc
import sys
from importlib import import_module
from typing import Annotated

import typer

from app import __version__

COMMANDS = {
    "ingest": ("roles.ingest", "Turn the stream's messages into domain events."),
    "project": ("roles.project", "Fold events into the MongoDB collections."),
    "api": ("roles.api", "Serve the REST API and, if it is on, the console."),
    "migrate": ("commands.migrate", "Create collections, validators and indexes."),
    "status": ("commands.status", "Show the state of the whole pipeline."),
    "doctor": ("commands.doctor", "Check servers, permissions and settings; say what to do."),
    "publish": ("commands.publish", "Publish a file of entries on the inbox stream."),
    "dead-letters": ("commands.dead_letters", "List, show, replay, discard or delete dead letters."),
    "history": ("commands.history", "Show the events of one aggregate, or a document as it was."),
    "rebuild": ("commands.rebuild", "Rebuild read models beside the live ones, then swap."),
    "verify": ("commands.verify", "Compare the live documents with the events."),
    "reconcile": ("commands.reconcile", "After a restore: find what the event store lost."),
    "backup": ("commands.backup", "Back up the event store, check or restore a backup."),
    "events": ("commands.events", "Copy the event store to another database."),
    "keys": ("commands.keys", "Show and rotate the keys of personal data."),
    "token": ("development.token", "Print a bearer token for development."),
    "ledger-sandbox": ("development.ledger_sandbox", "Run a sandbox ledger."),
    "demo": ("development.demo", "Run the whole system here, with a simulated lender."),
}
"""A name, its module below ``app.cli``, its line in the help. A module has a ``command`` or a ``group``."""

cli = typer.Typer(
    name="billie",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # To draw the help with rich would take as long again.
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"billie {__version__}")
        raise typer.Exit


@cli.callback()
def _billie(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Billie Servicing: ingest, project, serve."""


def run() -> None:
    """Entry point. Only the command that is asked for is imported, so that the others cost nothing.

    Imports leave hardly any garbage: looking for it, also at the end, took a fifth of `billie status`.
    """
    gc.disable()
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    if asked not in COMMANDS:
        for name, (_, summary) in COMMANDS.items():
            cli.command(name, help=summary)(lambda: None)
        cli()
    from app.cli.terminal.errors import reported

    with reported():
        module = import_module(f"app.cli.{COMMANDS[asked][0]}")
        gc.freeze()
        gc.enable()
        if hasattr(module, "group"):
            cli.add_typer(module.group, name=asked)
        else:
            cli.command(asked)(module.command)
        cli()


if __name__ == "__main__":
    run()
