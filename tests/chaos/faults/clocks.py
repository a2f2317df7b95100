"""Clocks of processes that jump, by libfaketime: the system's own stays as it is.

Only the time of day jumps: no system lets monotonic time do so.
"""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

_LOOKED_AT_EVERY_S = 1


def library() -> Path | None:
    """What is loaded into a process; None where its package has none for this system."""
    spec = find_spec("libfaketime")
    if spec is None or spec.origin is None or os.uname().sysname != "Linux":
        return None
    found = Path(spec.origin).parent / "vendor/libfaketime/src/libfaketime.so.1"
    return found if found.exists() else None


class Clock:
    """One process's. It sees a jump within a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """Be so much ahead of the system's clock, or behind; 0 sets it right."""
        written = self._path.with_suffix(".new")
        written.write_text(f"{seconds:+d}\n")
        written.replace(self._path)

    @property
    def environment(self) -> Mapping[str, str]:
        """What the process has to be started with; nothing where no clock can jump."""
        if (found := library()) is None:
            return {}
        return {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_CACHE_DURATION": str(_LOOKED_AT_EVERY_S),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }
