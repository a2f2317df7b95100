"""``billie dead-letters``: the entries that were set aside."""

import getpass
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from redis.exceptions import ResponseError

from app.cli.terminal.configured import settings_for
from app.cli.terminal.status_line import StatusLine
from app.errors import NotFoundError, UsageError
from app.ingestion.dead_letters.dead_letter import DeadLetter, DeadLetterInFull
from app.ingestion.dead_letters.replays import replay_each
from app.ingestion.dead_letters.scan import Filter
from app.ingestion.dead_letters.store import DeadLetterStore, Replay, ReplayOutcome
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.parsers import load_parsers
from app.ingestion.messages.rejection import Reason
from app.operations.servers import Servers
from app.runtime.humanize import counted

group = typer.Typer(help="Look through, replay, discard or delete dead letters.", no_args_is_help=True)

_MOST_HOURS = 24 * 365 * 100

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `list` shows them.")]
Find = Callable[[DeadLetterStore, str], DeadLetterInFull | None]
ByReason = Annotated[Reason | None, typer.Option("--reason", help="Only with this reason code.")]


@group.command("list")
def show_all(
    reason: ByReason = None,
    kind: Annotated[str | None, typer.Option("--type", help="Only of this message type.")] = None,
    hours: Annotated[
        float | None, typer.Option("--older-than", metavar="HOURS", help="Only set aside so long ago.")
    ] = None,
    discarded: Annotated[
        bool, typer.Option("--discarded", help="Those that were discarded, instead.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line, for a script.")] = False,
) -> None:
    """List them, oldest first, and count them by reason."""
    before = None if hours is None else _hours_ago(hours)
    counts: Counter[str] = Counter()
    with _store() as store:
        for each in (store.discarded() if discarded else store).search(Filter(reason, kind, before)):
            counts[each.reason] += 1
            typer.echo(each.model_dump_json(by_alias=True) if as_json else _line(each))
    if not as_json:
        by_reason = ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
        typer.echo(f"{counted(counts.total(), 'dead letter')}{': ' + by_reason if counts else ''}.")


@group.command()
def show(dead_letter_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show one, whole: the entry, where it failed, how often, and when it was set aside."""
    with _store() as store:
        found = _found(store, dead_letter_id, DeadLetterStore.find)
    typer.echo(found.model_dump_json(by_alias=True, indent=2))


@group.command()
def replay(
    ids: Ids = None,
    reason: ByReason = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Land the original entries, unchanged. Those that fail again stay, with the new reason: exit 1."""
    if bool(ids) + (reason is not None) + everything != 1:
        raise UsageError("Name dead letters by their ids, by --reason, or by --all")
    status, counts = StatusLine(), Counter[ReplayOutcome]()
    with closing(Servers(settings_for("dead-letters"), load_parsers(CATALOGUE))) as servers:
        store = servers.dead_letters()
        # Only those on the list now: one that fails again gets a new id, and is not replayed twice.
        wanted = (
            [_found(store, each).dead_letter_id for each in ids]
            if ids
            else [each.dead_letter_id for each in store.search(Filter(reason))]
        )
        with servers.event_store_to_write() as servicing, status:
            for done in replay_each(store, wanted, servicing):
                counts[done.outcome] += 1
                if done.outcome is ReplayOutcome.FAILED_AGAIN:
                    status.end()
                    typer.echo(f"{done.dead_letter_id} failed again: {_why(done)}", err=True)
                status.show(f"{counts.total():,} of {len(wanted):,} replayed")
    gone, failed = counts[ReplayOutcome.GONE], counts[ReplayOutcome.FAILED_AGAIN]
    left = f", {gone:,} left the list meanwhile" if gone else ""
    typer.echo(f"{counts[ReplayOutcome.LANDED]:,} landed, {failed:,} failed again{left}.")
    if failed:
        raise typer.Exit(1)


@group.command()
def discard(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As `list` shows them.")],
    because: Annotated[str, typer.Option(help="Why: kept for ever, with your name.")],
) -> None:
    """Take some off the list. They are kept, with who discarded them, when and why."""
    if not because.strip():
        raise UsageError("--because is empty. State the reason: it is kept for later readers")
    with _store() as store:
        for dead_letter_id in [_found(store, each).dead_letter_id for each in ids]:
            if not store.discard(dead_letter_id, _who(), because.strip()):
                raise _gone(dead_letter_id)
            typer.echo(f"{dead_letter_id} is discarded.")


@group.command()
def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As `list`, or an erasure, names them.")],
) -> None:
    """Remove some for good, whether discarded or not: for an erasure, as neither copy nor record is kept."""
    with _store() as store:
        for dead_letter_id in [_found(store, each, DeadLetterStore.find).dead_letter_id for each in ids]:
            if not store.delete(dead_letter_id):
                raise _gone(dead_letter_id)
            typer.echo(f"{dead_letter_id} is deleted.")


def _hours_ago(hours: float) -> datetime:
    if not 0 <= hours <= _MOST_HOURS:
        raise UsageError(f"--older-than takes 0 to {_MOST_HOURS:,} hours")
    return datetime.now(UTC) - timedelta(hours=hours)


def _who() -> str:
    """The user that the system knows, or else their number: a container may have no names."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


@contextmanager
def _store() -> Iterator[DeadLetterStore]:
    with closing(Servers(settings_for("dead-letters"))) as servers:
        yield servers.dead_letters()


def _found(store: DeadLetterStore, dead_letter_id: str, find: Find = DeadLetterStore.get) -> DeadLetterInFull:
    try:
        found = find(store, dead_letter_id)
    except ResponseError as error:
        msg = f"{dead_letter_id} is not an id of a dead letter, such as 1772366400000-0"
        raise UsageError(msg) from error
    if found is None:
        raise _gone(dead_letter_id)
    return found


def _gone(dead_letter_id: str) -> NotFoundError:
    return NotFoundError("dead letter", dead_letter_id, ": see `billie dead-letters list`")


def _why(done: Replay) -> str:
    now = "" if done.current_id in (None, done.dead_letter_id) else f" (it is {done.current_id} now)"
    return f"{done.reason}: {done.path}: {done.error}{now}"


def _line(dead_letter: DeadLetter) -> str:
    at = dead_letter.at.isoformat(timespec="seconds")
    where = f"{dead_letter.reason} at {dead_letter.path}"
    return f"{dead_letter.dead_letter_id}  {at}  {where}  {dead_letter.type or '(no type)'}"
