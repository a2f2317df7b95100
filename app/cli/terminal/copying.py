"""How far a copy or a backup of the event store is, and what it copied."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from app.cli.terminal.status_line import StatusLine
from app.event_store.copies.copy import Content, Progress
from app.runtime.servers.stopping import StopSignal


@contextmanager
def copying(*, is_quiet: bool) -> Iterator[Callable[[Progress], bool]]:
    """A function that shows how far a copy is, and says whether to continue: not after a signal."""
    with StopSignal() as stop, StatusLine(at_once=True) as line:

        def show(progress: Progress) -> bool:
            if not is_quiet:
                line.progress(progress.phase, progress.position, progress.newest, "positions")
            return not stop.is_set()

        yield show


def table_lines(tables: Mapping[str, Content]) -> str:
    return "\n".join(
        f"  {name:<22}{each.rows:>14,} rows  SHA-256 {each.sha256}" for name, each in tables.items()
    )
