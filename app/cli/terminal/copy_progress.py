"""How far a copy or a backup of the event store is, and what it copied."""

from collections.abc import Mapping
from time import monotonic
from typing import Self

from app.cli.terminal.status_line import StatusLine
from app.event_store.copies.copy import Content, Progress
from app.runtime.humanize import span
from app.runtime.servers.stopping import StopSignal


class CopyProgress:
    """Shows phase, events a second and the time left of the phase; stops on a signal."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._line, self._stop, self._is_quiet = StatusLine(at_once=True), StopSignal(), is_quiet
        self._phase, self._from, self._at = "", 0, monotonic()

    def __enter__(self) -> Self:
        self._stop.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._line.end()
        self._stop.__exit__(None, None, None)

    def show(self, progress: Progress) -> bool:
        """Returns whether to continue."""
        if progress.phase != self._phase:
            self._phase, self._from, self._at = progress.phase, progress.position, monotonic()
        seconds = monotonic() - self._at
        rate = (progress.position - self._from) / seconds if seconds > 0.1 else 0.0
        left = f", {span((progress.newest - progress.position) / rate)} left" if rate else ""
        share = progress.position / progress.newest if progress.newest else 1.0
        if not self._is_quiet:
            self._line.show(
                f"{progress.phase}: {share:4.0%} of {progress.newest:,} positions, {rate:,.0f} a second{left}"
            )
        return not self._stop.is_set()


def table_lines(tables: Mapping[str, Content]) -> str:
    """A line a table."""
    return "\n".join(
        f"  {name:<22}{each.rows:>14,} rows  SHA-256 {each.sha256}" for name, each in tables.items()
    )
