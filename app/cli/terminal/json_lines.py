"""What a command prints with ``--json``: an object a line, under the name of what it is."""

import json
import sys
from time import monotonic
from typing import Any

_PROGRESS_EVERY_S = 0.5


class JsonLines:
    """Prints ``progress``, ``difference``, ``outcome`` and ``error`` lines, or nothing where it is off."""

    def __init__(self, *, is_on: bool) -> None:
        self.is_on = is_on
        self._said: dict[str, tuple[str, float]] = {}

    def say(self, **line: Any) -> None:
        """Print a line."""
        if self.is_on:
            sys.stdout.write(f"{json.dumps(line)}\n")
            sys.stdout.flush()

    def progress(self, name: str, phase: str, position: int, newest: int, documents: int) -> None:
        """Print a progress line for a read model, at most two a second of one phase."""
        before, at = self._said.get(name, ("", 0.0))
        if phase == before and monotonic() - at < _PROGRESS_EVERY_S and position < newest:
            return
        self._said[name] = (phase, monotonic())
        self.say(
            progress={
                "projection": name,
                "phase": phase,
                "position": position,
                "newest": newest,
                "documents": documents,
            }
        )
