"""``billie events``: the event store as a whole."""

import json
from time import monotonic
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from app.cli.terminal.configured import settings_for
from app.cli.terminal.status_line import StatusLine
from app.event_store.copies.copy import (
    Copied,
    Copying,
    CopyRefusedError,
    CopyStoppedError,
    EndFailedError,
    copy_store,
)
from app.event_store.copies.endpoints import file_of
from app.event_store.errors import EventStoreUrlError
from app.event_store.url import event_store_environment
from app.runtime.humanize import counted, span
from app.runtime.observability.logging import in_short
from app.runtime.servers.stopping import StopSignal
from app.runtime.settings.production import refusals
from app.runtime.settings.settings import get_settings

group = typer.Typer(help="The event store as a whole: copy.", no_args_is_help=True)


@group.callback()
def events() -> None:
    """The event store as a whole."""


@group.command()
def copy(
    source: Annotated[
        str, typer.Option("--from", envvar="BILLIE_COPY_FROM_URL", help="sqlite:///… or postgresql://…")
    ],
    target: Annotated[
        str, typer.Option("--to", envvar="BILLIE_COPY_TO_URL", help="An empty one, or an unfinished copy.")
    ],
    others_may_read: Annotated[
        bool,
        typer.Option(
            "--others-may-read", help="Also while others are connected: none can write till it is done."
        ),
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Empty what an unfinished copy left in the target, and begin anew.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for a script.")] = False,
) -> None:
    """Copy a whole event store into an empty one: events at their positions, keys, links, tombstones.

    Stopped or killed, the same command goes on. All is read again and compared before the target counts.
    """
    settings_for("events copy")
    for option, url in (("--from", source), ("--to", target)):
        _refuse_wrong_url(option, url)
        _refuse_plain_text(option, url)
    progress = _Progress(as_json=as_json)
    with StopSignal() as stop, progress.line:
        try:
            copied = copy_store(
                source,
                target,
                lambda copying: progress.show(copying) and not stop.is_set(),
                others_may_read=others_may_read,
                anew=anew,
            )
        except CopyStoppedError as error:
            progress.line.end()
            typer.echo("Stopped. The same command goes on where it was.", err=True)
            raise typer.Exit(1) from error
        except CopyRefusedError as error:
            progress.line.end()
            typer.echo(f"{error}.", err=True)
            raise typer.Exit(1) from error
        except EndFailedError as error:
            progress.line.end()
            raise _failed(error) from error
    if as_json:
        typer.echo(json.dumps(_plain(copied)))
    else:
        typer.echo(_told(copied, source, target))


def _refuse_wrong_url(option: str, url: str) -> None:
    try:
        event_store_environment(url)
    except EventStoreUrlError as error:
        typer.echo(f"{option} {error.reason}.", err=True)
        raise typer.Exit(2) from error


def _failed(error: EndFailedError) -> typer.Exit:
    why = in_short(error.__cause__ or error)
    option = {"source": "--from", "target": "--to"}[error.end]
    typer.echo(
        f"The {error.end} failed: {why}. Look at {option}; the same command then goes on where it was.",
        err=True,
    )
    return typer.Exit(3)


def _refuse_plain_text(option: str, url: str) -> None:
    settings = get_settings().model_copy(update={"event_store_url": url})
    for refused in refusals(settings, "events copy"):
        typer.echo(f"{option}: {refused.why}. {refused.remedy}.", err=True)
        raise typer.Exit(2)


class _Progress:
    """Phase, events a second, and the time left of the phase."""

    def __init__(self, *, as_json: bool) -> None:
        self.line = StatusLine(at_once=True)
        self._is_quiet = as_json
        self._phase, self._from, self._at = "", 0, monotonic()

    def show(self, copying: Copying) -> bool:
        """Always true."""
        if copying.phase != self._phase:
            self._phase, self._from, self._at = copying.phase, copying.position, monotonic()
        seconds = monotonic() - self._at
        rate = (copying.position - self._from) / seconds if seconds > 0.1 else 0.0
        left = f", {span((copying.newest - copying.position) / rate)} left" if rate else ""
        share = copying.position / copying.newest if copying.newest else 1.0
        if not self._is_quiet:
            self.line.show(
                f"{copying.phase}: {share:4.0%} of {copying.newest:,} positions, {rate:,.0f} a second{left}"
            )
        return True


def _plain(copied: Copied) -> dict[str, Any]:
    return {
        "newestPosition": copied.newest,
        "begunAfter": copied.begun_after,
        "tables": {name: {"rows": each.rows, "sha256": each.sha256} for name, each in copied.tables.items()},
    }


def _told(copied: Copied, source: str, target: str) -> str:
    went_on = f", on from position {copied.begun_after:,}" if copied.begun_after else ""
    tables = "\n".join(
        f"  {name:<22}{each.rows:>14,} rows  SHA-256 {each.sha256}" for name, each in copied.tables.items()
    )
    events = counted(copied.tables["events"].rows, "event")
    return (
        f"{events} copied from {_shown(source)} to {_shown(target)}{went_on}. The same on both sides:\n"
        f"{tables}\n"
        f"The next event there comes after position {copied.newest:,}.\n\n"
        "Next: move the old store away, so that no process of before stores there what nobody reads. Set "
        "BILLIE_EVENT_STORE_URL to the new one for every role, with the BILLIE_MASTER_KEY of before, start "
        "them, and look at `billie status`: the projections go on where they were."
    )


def _shown(url: str) -> str:
    """The URL without a password; a file by its whole path: three slashes may be one too few."""
    if (file := file_of(url)) is not None:
        return str(file)
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", "@", 1)
