"""How a rebuild shows how far it is: a bar on a terminal, elsewhere a line every five seconds."""

import sys
from collections.abc import Sequence
from time import monotonic
from typing import Self

from app.cli.terminal.status_line import StatusLine
from app.projections.rebuild.rebuild import Progress
from app.projections.rebuild.shadow import Phase
from app.runtime.humanize import span

_BAR = 24
_PHASES = {Phase.FOLD: "fold", Phase.CATCH_UP: "catch up", Phase.SWAP: "swap"}


class RebuildProgress:
    """Phase, events a second, documents, and the time left."""

    def __init__(self, names: Sequence[str]) -> None:
        self._line = StatusLine(at_once=True)
        self._is_terminal = sys.stdout.isatty()
        self._documents = dict.fromkeys(names, 0)
        self._from: int | None = None
        self._at = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.end()

    def show(self, progress: Progress) -> None:
        """Show it now, or at the next fifth second."""
        if self._from is None:
            self._from, self._at = progress.position, monotonic()
        self._documents[progress.name] = progress.documents
        done, seconds = progress.position - self._from, monotonic() - self._at
        rate = done / seconds if seconds > 0.1 else 0.0
        to_go = max(0, progress.newest - progress.position)
        share = progress.position / progress.newest if progress.newest else 1.0
        what = (
            _PHASES[progress.phase]
            if progress.phase == Phase.FOLD
            else (f"{_PHASES[progress.phase]} {progress.name}")
        )
        left = f", {span(to_go / rate)} left" if rate and to_go else ""
        figures = (
            f"{share:4.0%} of {progress.newest:,} events, {rate:,.0f} events/s, "
            f"{sum(self._documents.values()):,} documents written{left}"
        )
        bar = ""
        if self._is_terminal:
            full = round(_BAR * share)
            bar = f"[{'#' * full}{'.' * (_BAR - full)}] "
        self._line.show(f"{what}: {bar}{figures}")
