"""``billie keys``: the keys that seal personal data in the event store."""

import json
from contextlib import closing

import typer

from app.cli.terminal.configured import AsJson, settings_for
from app.cli.terminal.status_line import StatusLine
from app.errors import UsageError
from app.event_store.application import Servicing
from app.privacy.key_rotation import Rotated, count_by_master, rotate_keys
from app.privacy.master_keys import UNWRAPPED
from app.runtime.humanize import counted
from app.runtime.servers.stopping import StopSignal

group = typer.Typer(help="The keys of personal data: status, rotate.", no_args_is_help=True)


@group.command()
def status(as_json: AsJson = False) -> None:
    """Show how many data keys each master key wraps, and how many were destroyed."""
    with _store() as servicing:
        tables, current = servicing.privacy.tables, servicing.privacy.keys.masters.current
        counts, is_purged = count_by_master(tables), tables.purge()
        customers, destroyed = tables.count_erased()
    by_current = 0 if current == UNWRAPPED else counts.get(current, 0)
    by_previous = sum(n for name, n in counts.items() if name not in (current, UNWRAPPED))
    total, unwrapped = sum(counts.values()), counts.get(UNWRAPPED, 0)
    if as_json:
        found = {
            "dataKeys": total,
            "wrappedByCurrent": by_current,
            "wrappedByPrevious": by_previous,
            "unwrapped": unwrapped,
            "destroyed": destroyed,
            "customersErased": customers,
            "forgotten": is_purged,
        }
        typer.echo(json.dumps(found))
        return
    typer.echo(
        f"{counted(total, 'data key')}: {by_current:,} wrapped by the master key, "
        f"{by_previous:,} by another one, {unwrapped:,} not wrapped."
    )
    typer.echo(f"{counted(customers, 'customer')} erased, {counted(destroyed, 'data key')} destroyed.")
    if not is_purged:
        typer.echo("A reader is blocking the removal of destroyed keys. Try again in a moment.")


@group.command()
def rotate(as_json: AsJson = False) -> None:
    """Wrap all data keys by BILLIE_MASTER_KEY; BILLIE_MASTER_KEY_PREVIOUS opens those of the previous one.

    Stopped, it continues when it is run again.
    """
    if settings_for("keys").master_key is None:
        raise UsageError("BILLIE_MASTER_KEY is not set: there is nothing to wrap with")
    line = StatusLine()
    with _store() as servicing, StopSignal() as stop, line:

        def show(rotated: Rotated) -> bool:
            if not as_json:
                line.show(f"{rotated.done:,} of {rotated.total:,} data keys rewrapped")
            return not stop.is_set()

        rotated = rotate_keys(servicing.privacy.tables, servicing.privacy.keys.masters, show)
    if as_json:
        typer.echo(json.dumps({"rotated": rotated.done, "left": rotated.left}))
    else:
        typer.echo(f"{counted(rotated.done, 'data key')} rewrapped, {rotated.left:,} left.")
    if rotated.left:
        raise typer.Exit(1)


def _store() -> closing[Servicing]:
    return closing(Servicing.of(settings_for("keys")))
