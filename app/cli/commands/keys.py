"""``billie keys``: the keys that the event store's personal data is sealed with."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import typer
from eventsourcing.persistence import RecordConflictError

from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.cli.terminal.status_line import StatusLine
from app.event_store.application import Servicing
from app.event_store.copies.tables import CLEAR_UP_TO
from app.event_store.errors import EVENT_STORE_ERRORS
from app.privacy.key_rotation import Rotated, rotate_keys
from app.privacy.master_keys import UNWRAPPED
from app.privacy.seal_stored import NotSealedError, SealedSoFar, seal_stored
from app.runtime.humanize import counted
from app.runtime.servers.stopping import StopSignal

group = typer.Typer(help="The keys of personal data: status, rotate, seal.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, for a script.")]


@group.command()
def status(as_json: AsJson = False) -> None:
    """Show how many data keys each master key wraps, how many were destroyed, and what is in the clear."""
    with _store() as servicing:
        tables = servicing.privacy.tables
        tables.create()
        counts, current = tables.count(), servicing.privacy.keys.masters.current
        customers, destroyed = tables.count_erased()
        is_forgotten = tables.forget_log()
        found = {
            "dataKeys": sum(counts.values()),
            "wrappedByCurrent": 0 if current == UNWRAPPED else counts.get(current, 0),
            "wrappedByPrevious": sum(n for name, n in counts.items() if name not in (current, UNWRAPPED)),
            "unwrapped": counts.get(UNWRAPPED, 0),
            "destroyed": destroyed,
            "customersErased": customers,
            "forgotten": is_forgotten,
            "clearUpTo": tables.fact(CLEAR_UP_TO),
            "sealedUpTo": min(tables.fact("sealed_up_to"), tables.fact(CLEAR_UP_TO)),
        }
    if as_json:
        typer.echo(json.dumps(found))
        return
    typer.echo(
        f"{counted(found['dataKeys'], 'data key')}: {found['wrappedByCurrent']:,} wrapped by the master key, "
        f"{found['wrappedByPrevious']:,} by another one, {found['unwrapped']:,} not wrapped."
    )
    typer.echo(f"{counted(customers, 'customer')} erased, {counted(destroyed, 'data key')} destroyed.")
    if not is_forgotten:
        typer.echo(
            "Destroyed keys are still in the database's files: somebody reads there. Run it again, shortly."
        )
    if found["sealedUpTo"] < found["clearUpTo"]:
        typer.echo(
            f"Events up to position {found['clearUpTo']:,} were stored before events were sealed: "
            "run `billie keys seal`."
        )


@group.command()
def rotate(as_json: AsJson = False) -> None:
    """Wrap all data keys by BILLIE_MASTER_KEY; those of before are opened by BILLIE_MASTER_KEY_PREVIOUS.

    It may be stopped, and run again: it goes on where it was.
    """
    if settings_for("keys").master_key is None:
        typer.echo("BILLIE_MASTER_KEY is not set: there is nothing to wrap with.", err=True)
        raise typer.Exit(2)
    line = StatusLine()
    with _store() as servicing, StopSignal() as stop, line:

        def show(rotated: Rotated) -> bool:
            if not as_json:
                line.show(f"{rotated.done:,} of {rotated.total:,} data keys wrapped anew")
            return not stop.is_set()

        rotated = rotate_keys(servicing, show)
    if as_json:
        typer.echo(json.dumps({"rotated": rotated.done, "left": rotated.left}))
    else:
        typer.echo(f"{counted(rotated.done, 'data key')} wrapped anew, {rotated.left:,} left.")
    if rotated.left:
        raise typer.Exit(1)


@group.command()
def seal(as_json: AsJson = False) -> None:
    """Seal the personal data of events that were stored before events were sealed, in place.

    Each is opened again and compared before it is written. It may be stopped, and run again.
    """
    line = StatusLine()
    with _store() as servicing, StopSignal() as stop, line:

        def show(so_far: SealedSoFar) -> bool:
            if not as_json:
                line.show(
                    f"{so_far.position:,} of {so_far.newest:,} events looked at, {so_far.events:,} sealed"
                )
            return not stop.is_set()

        try:
            sealed = seal_stored(servicing, show)
        except NotSealedError as error:
            line.end()
            typer.echo(f"{error}.", err=True)
            raise typer.Exit(1) from error
    if as_json:
        typer.echo(
            json.dumps({"sealed": sealed.events, "position": sealed.position, "newest": sealed.newest})
        )
    else:
        typer.echo(f"{counted(sealed.events, 'event')} sealed, up to position {sealed.position:,}.")
    if sealed.position < sealed.newest:
        raise typer.Exit(1)


@contextmanager
def _store() -> Iterator[Servicing]:
    settings = settings_for("keys")
    try:
        with closing(Servicing.from_url(settings.event_store_url, masters=settings.masters)) as servicing:
            yield servicing
    except RecordConflictError as error:
        typer.echo("Others changed the same events again and again: run it once more.", err=True)
        raise typer.Exit(1) from error
    except EVENT_STORE_ERRORS as error:
        raise unreachable(error, "BILLIE_EVENT_STORE_URL") from error
