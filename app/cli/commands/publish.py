"""``billie publish``: put a file of entries on the stream."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.cli.terminal.configured import settings_for
from app.cli.terminal.status_line import StatusLine
from app.errors import UsageError
from app.ingestion.stream.consumer import connect
from app.ingestion.stream.publish import file_entries, publish, published
from app.operations.read_your_writes import Fate, Published, Visibility, is_consumed
from app.operations.servers import Servers
from app.runtime.humanize import counted
from app.runtime.settings.settings import Settings

_MOST_LETTERS = 10
"""Dead letters that are shown one by one."""


def command(
    file: Annotated[Path, typer.Argument(help='JSON lines, an entry each; "-" reads standard input.')],
    wait: Annotated[
        bool, typer.Option("--wait", help="Until all of them can be read in MongoDB; exit 1 if not all can.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(help="With --wait: give up after so many seconds.", min=0, max=86_400)
    ] = 30.0,
) -> None:
    """Publish a JSON-lines file of entries on the inbox stream."""
    settings = settings_for("publish")
    source = Path("/dev/stdin") if str(file) == "-" else file
    with _faults_said(file):
        if wait:
            _publish_and_wait(settings, source, timeout)
        else:
            with connect(settings) as client:
                _say_published(publish(client, settings.inbox_stream, file_entries(source)), settings)


def _publish_and_wait(settings: Settings, source: Path, timeout: float) -> None:
    with closing(Servers(settings)) as servers, StatusLine() as status:
        visibility = Visibility(servers)
        sent = [
            Published(entry_id, is_consumed(entry, settings))
            for entry, entry_id in published(servers.redis, settings.inbox_stream, file_entries(source))
        ]
        _say_published(len(sent), settings)
        outcomes = visibility.wait(sent, timeout, lambda left: status.show(f"{left:,} not taken yet"))
    counts = Counter(each.fate for each in outcomes)
    late = f", {counts[Fate.PENDING]:,} not through after {timeout:g} s" if counts[Fate.PENDING] else ""
    typer.echo(
        f"{counts[Fate.VISIBLE]:,} visible, {counted(counts[Fate.DEAD_LETTER], 'dead letter')}, "
        f"{counts[Fate.UNKNOWN_TYPE]:,} of unknown types{late}."
    )
    letters = [each.letter for each in outcomes if each.letter is not None]
    for letter in letters[:_MOST_LETTERS]:
        typer.echo(
            f"{letter.dead_letter_id} is the dead letter of {letter.entry_id}: "
            f"{letter.reason} at {letter.path}"
        )
    if len(letters) > _MOST_LETTERS:
        typer.echo(f"… and {len(letters) - _MOST_LETTERS:,} more: `billie dead-letters list`.")
    if counts[Fate.DEAD_LETTER] or counts[Fate.PENDING]:
        raise typer.Exit(1)


def _say_published(count: int, settings: Settings) -> None:
    typer.echo(f"{counted(count, 'entry', 'entries')} published on {settings.inbox_stream}.")


@contextmanager
def _faults_said(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{error}. The lines before it may have been published") from error
