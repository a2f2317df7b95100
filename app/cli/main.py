"""The console script ``billie``: one file a verb, gathered here.

Exit codes of every verb: 0 done, 1 it found a problem, 2 usage, 3 a server cannot be reached.
"""

from importlib import import_module

import typer

VERBS = ("ingest", "project", "api", "migrate", "publish", "token", "ledger_sandbox", "demo")

cli = typer.Typer(
    name="billie",
    help="Billie Servicing: ingest, project, serve.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def run() -> None:
    """Entry point: registers each verb's ``command`` function and runs the one asked for."""
    for verb in VERBS:
        module = import_module(f"app.cli.{verb}")
        cli.command(verb.replace("_", "-"))(module.command)
    cli()


if __name__ == "__main__":
    run()
