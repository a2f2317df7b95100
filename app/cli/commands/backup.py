"""``billie backup``: the event store, copied while it is written to; checked; restored."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.cli.terminal.status_line import StatusLine
from app.event_store.copies.backup import BackupError, Manifest, back_up, check, restore
from app.event_store.errors import EVENT_STORE_ERRORS
from app.runtime.humanize import counted

group = typer.Typer(help="Backups of the event store: make, check, restore.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, for a script.")]
File = Annotated[Path, typer.Argument(help="The backup; its manifest is beside it, with .json added.")]


@group.command()
def make(file: File, as_json: AsJson = False) -> None:
    """Back the event store up, into a new file, while it is written to: one moment of all of its tables.

    It holds the data keys too. Without BILLIE_MASTER_KEY these are not wrapped: keep it as the store itself.
    """
    url = settings_for("backup").event_store_url
    line = StatusLine()
    with line:

        def show(part: float) -> None:
            if not as_json:
                line.show(f"{part:4.0%} copied")

        try:
            manifest = back_up(url, file, show)
        except BackupError as error:
            raise _refused(line, error) from error
        except OSError as error:
            raise _refused(line, BackupError(f"{error.filename or file}: {error.strerror}")) from error
        except EVENT_STORE_ERRORS as error:
            line.end()
            raise unreachable(error, "BILLIE_EVENT_STORE_URL") from error
    _tell(manifest, f"Backed up to {file}", as_json=as_json)


@group.command("check")
def check_(file: File, as_json: AsJson = False) -> None:
    """Read a backup whole, and compare it with its manifest. Exit 1 where it is not as it was made."""
    try:
        manifest = check(file)
    except BackupError as error:
        raise _refused(StatusLine(), error) from error
    _tell(manifest, f"{file} is as it was made", as_json=as_json)


@group.command("restore")
def restore_(file: File, as_json: AsJson = False) -> None:
    """Restore a backup to BILLIE_EVENT_STORE_URL, where nothing is yet, and compare what is there then.

    Stop all roles first. The documents are ahead of it then: `billie reconcile` says by what.
    """
    url = settings_for("backup").event_store_url
    try:
        manifest = restore(file, url)
    except BackupError as error:
        raise _refused(StatusLine(), error) from error
    except OSError as error:
        raise _refused(StatusLine(), BackupError(f"{error.filename}: {error.strerror}")) from error
    except EVENT_STORE_ERRORS as error:
        raise unreachable(error, "BILLIE_EVENT_STORE_URL") from error
    _tell(manifest, f"Restored from {file}", as_json=as_json)
    if not as_json:
        typer.echo("Next: `billie reconcile`, before any role is started.")


def _refused(line: StatusLine, error: BackupError) -> typer.Exit:
    line.end()
    typer.echo(f"{error}.", err=True)
    return typer.Exit(1)


def _tell(manifest: Manifest, what: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(manifest.plain()))
        return
    typer.echo(
        f"{what}: {counted(manifest.tables['events'].rows, 'event')}, the last at position "
        f"{manifest.newest:,}, as of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC."
    )
    for name, content in manifest.tables.items():
        typer.echo(f"  {name:<22}{content.rows:>14,} rows  SHA-256 {content.sha256}")
