"""Child processes of the demo: started in order, watched, stopped in reverse."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from app.runtime.embedded import die_with_parent, tail

_DOWN_WITHIN_S = 15.0


class ChildDiedError(RuntimeError):
    """A child ended by itself: names it, and shows the end of its log."""


class Supervisor:
    """Runs the roles as processes, each with a log in one folder."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str, module: str = "app.cli.main") -> None:
        """Start ``python -m module arguments`` and go on at once."""
        with self.log_of(name).open("ab") as log:
            self._children[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )

    def run(self, name: str, *arguments: str) -> None:
        """Run one command to its end. Raises ChildDiedError if it fails."""
        self.start(name, *arguments)
        if self._children.pop(name).wait() != 0:
            raise ChildDiedError(self._obituary(name))

    def watch(self, seconds: float, stop: Event) -> None:
        """Wait that long, or for ``stop``. Raises ChildDiedError if a child ended by itself."""
        stop.wait(seconds)
        for name, child in self._children.items():
            if child.poll() is not None and not stop.is_set():
                raise ChildDiedError(self._obituary(name, child.returncode))

    def stop(self) -> None:
        """Stop all, the last one started first; kill what does not stop."""
        while self._children:
            _, child = self._children.popitem()
            child.terminate()
            try:
                child.wait(_DOWN_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def kill(self) -> None:
        """Kill all at once."""
        for child in self._children.values():
            child.kill()
        for child in self._children.values():
            child.wait()
        self._children.clear()

    def log_of(self, name: str) -> Path:
        """Where a child's output goes."""
        return self._logs / f"{name}.log"

    def _obituary(self, name: str, code: int | None = None) -> str:
        ended = "failed" if code is None else f"ended by itself, with code {code}"
        path = self.log_of(name)
        return f"{name} {ended}. The end of {path}:\n{tail(path)}"
