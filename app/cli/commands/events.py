"""``billie events``: the event store as a whole."""

from typing import Annotated
from urllib.parse import urlsplit

import typer

from app.cli.terminal.configured import AsJson, settings_for
from app.cli.terminal.copying import copying, table_lines
from app.errors import UsageError
from app.event_store.copies.copy import copy_store
from app.event_store.copies.endpoints import file_of
from app.event_store.errors import EventStoreUrlError
from app.event_store.url import event_store_environment
from app.runtime.humanize import counted
from app.runtime.settings.production import refusals
from app.runtime.settings.settings import get_settings

group = typer.Typer(help="The event store as a whole: copy.", no_args_is_help=True)


@group.command()
def copy(
    source: Annotated[
        str, typer.Option("--from", envvar="BILLIE_COPY_FROM_URL", help="sqlite:///… or postgresql://…")
    ],
    target: Annotated[str, typer.Option("--to", envvar="BILLIE_COPY_TO_URL", help="An empty one.")],
    others_may_read: Annotated[
        bool, typer.Option("--others-may-read", help="Also while others are connected: none can write.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy a whole event store into an empty one: events at their positions, keys, links, tombstones.

    In one transaction: stopped or killed, it leaves the target as it was. All rows are read again and
    compared before they count.
    """
    settings_for("events copy")
    for option, url in (("--from", source), ("--to", target)):
        try:
            event_store_environment(url)
        except EventStoreUrlError as error:
            raise UsageError(f"{option} {error.reason}") from error
        for refused in refusals(get_settings().model_copy(update={"event_store_url": url}), "events copy"):
            raise UsageError(f"{option}: {refused.why}. {refused.remedy}")
    with copying("--from", "--to", is_quiet=as_json) as show:
        copied = copy_store(source, target, show, others_may_read=others_may_read)
    if as_json:
        typer.echo(copied.model_dump_json(by_alias=True))
        return
    events = counted(copied.tables["events"].rows, "event")
    typer.echo(
        f"{events} copied from {_shown(source)} to {_shown(target)}. The same on both sides:\n"
        f"{table_lines(copied)}\n"
        f"The next event there comes after position {copied.newest_position:,}.\n\n"
        "Next: move the old store away, so that no process stores events there that nobody reads. Set "
        "BILLIE_EVENT_STORE_URL to the new one for every role, keep BILLIE_MASTER_KEY, start the roles, and "
        "look at `billie status`: the projections continue where they were."
    )


def _shown(url: str) -> str:
    """The URL without a password; a file by its whole path: three slashes may be one too few."""
    password = urlsplit(url).password
    return str(file_of(url) or (url if password is None else url.replace(f":{password}@", "@", 1)))
