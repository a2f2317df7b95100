"""How a command that takes its time shows that it is alive."""

import sys
from time import monotonic
from typing import Self

import typer

_PLAIN_EVERY_S = 5.0


class StatusLine:
    """One live line on a terminal; elsewhere a line every five seconds."""

    def __init__(self, *, at_once: bool = False) -> None:
        """``at_once``: elsewhere than on a terminal, the first line need not wait."""
        self._live = sys.stdout.isatty()
        self._said_at = monotonic() - (_PLAIN_EVERY_S if at_once else 0.0)
        self._shown = False

    def show(self, line: str) -> None:
        """Show how things are now."""
        if self._live:
            typer.echo(f"\r\x1b[2K{line}", nl=False)
            self._shown = True
        elif monotonic() - self._said_at >= _PLAIN_EVERY_S:
            self._said_at = monotonic()
            typer.echo(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Leave the line, so that something else can be printed."""
        if self._shown:
            typer.echo("")
            self._shown = False
