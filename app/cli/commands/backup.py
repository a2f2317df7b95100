"""``billie backup``: the event store, copied while it is written to; checked; restored."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.cli.terminal.configured import AsJson, settings_for
from app.cli.terminal.copying import copying, table_lines
from app.errors import BillieError
from app.event_store.copies.backup import Manifest, back_up, check, restore
from app.runtime.humanize import counted

group = typer.Typer(help="Backups of the event store: make, check, restore.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The backup; its manifest is beside it, with .json added.")]


@group.command()
def make(file: File, as_json: AsJson = False) -> None:
    """Back up the event store into a new file while it is written to: all tables at one moment.

    It holds the data keys. Without BILLIE_MASTER_KEY these are not wrapped: protect it like the store itself.
    """
    url = settings_for("backup").event_store_url
    with _reported(file), copying("BILLIE_EVENT_STORE_URL", str(file), is_quiet=as_json) as show:
        manifest = back_up(url, file, show)
    _show(manifest, f"Backed up to {file}", as_json=as_json)


@group.command("check")
def check_(file: File, as_json: AsJson = False) -> None:
    """Read a backup whole, and compare it with its manifest. Exit 1 if it was changed."""
    with _reported(file):
        manifest = check(file)
    _show(manifest, f"{file} is as it was made", as_json=as_json)


@group.command("restore")
def restore_(file: File, as_json: AsJson = False) -> None:
    """Restore a backup to BILLIE_EVENT_STORE_URL, where no store is yet, and compare what is there then.

    Stop all roles first. The documents are ahead of it then: `billie reconcile` says by what.
    """
    url = settings_for("backup").event_store_url
    with _reported(file), copying(str(file), "BILLIE_EVENT_STORE_URL", is_quiet=as_json) as show:
        manifest = restore(file, url, show)
    _show(manifest, f"Restored from {file}", as_json=as_json)
    if not as_json:
        typer.echo("Next: `billie reconcile`, before any role is started.")


@contextmanager
def _reported(file: Path) -> Iterator[None]:
    """Exit with 1 for a file that cannot be read, or made."""
    try:
        yield
    except OSError as error:
        raise BillieError(f"{error.filename or file}: {error.strerror}") from error


def _show(manifest: Manifest, what: str, *, as_json: bool) -> None:
    text = (
        f"{what}: {counted(manifest.tables['events'].rows, 'event')}, the last at position "
        f"{manifest.newest_position:,}, as of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC.\n"
        f"{table_lines(manifest)}"
    )
    typer.echo(manifest.model_dump_json(by_alias=True) if as_json else text)
