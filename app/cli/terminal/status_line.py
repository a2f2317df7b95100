"""How a command that takes its time shows that it is alive, and how far it is."""

import sys
from time import monotonic
from typing import Self

import typer

from app.runtime.humanize import span

_PLAIN_EVERY_S = 5.0
_BAR = 24


class StatusLine:
    """One live line on a terminal; elsewhere a line every five seconds."""

    def __init__(self, *, at_once: bool = False) -> None:
        """``at_once``: elsewhere than on a terminal, the first line need not wait."""
        self._live = sys.stdout.isatty()
        self._said_at = monotonic() - (_PLAIN_EVERY_S if at_once else 0.0)
        self._shown = False
        self._phase, self._from, self._at = "", 0, 0.0

    def show(self, line: str) -> None:
        if self._live:
            typer.echo(f"\r\x1b[2K{line}", nl=False)
            self._shown = True
        elif monotonic() - self._said_at >= _PLAIN_EVERY_S:
            self._said_at = monotonic()
            typer.echo(line)

    def progress(self, phase: str, position: int, newest: int, unit: str, more: str = "") -> None:
        """Show a phase's share as a bar and in per cent, its rate, and the time left."""
        if phase != self._phase:
            self._phase, self._from, self._at = phase, position, monotonic()
        seconds = monotonic() - self._at
        rate = (position - self._from) / seconds if seconds > 0.1 else 0.0
        share = position / newest if newest else 1.0
        left = f", {span((newest - position) / rate)} left" if rate and newest > position else ""
        full = round(_BAR * share)
        bar = f"[{'#' * full}{'.' * (_BAR - full)}] " if self._live else ""
        self.show(f"{phase}: {bar}{share:4.0%} of {newest:,} {unit}, {rate:,.0f} {unit}/s{more}{left}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Leave the line, so that something else can be printed."""
        if self._shown:
            typer.echo("")
            self._shown = False
