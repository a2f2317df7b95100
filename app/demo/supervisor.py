"""Processes of the demo, servers and roles: started in order, watched, stopped together."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from app.errors import BillieError
from app.runtime.servers.embedded import EmbeddedServer, die_with_parent, tail

_DOWN_WITHIN_S = 15.0


class ChildDiedError(BillieError):
    """A process ended by itself. The message has its name and the end of its log."""


class Supervisor:
    """Runs the roles as processes, with their logs in one folder, and watches the servers that they need."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._servers: list[EmbeddedServer] = []
        self._roles: dict[str, subprocess.Popen[bytes]] = {}

    def adopt(self, server: EmbeddedServer) -> EmbeddedServer:
        """Watch a running server as well, and stop it after all roles."""
        self._servers.append(server)
        return server

    def start(
        self, name: str, *arguments: str, environment: Mapping[str, str], module: str = "app.cli.main"
    ) -> None:
        """Start ``python -m module arguments`` without waiting for it."""
        with self._log_of(name).open("ab") as log:
            self._roles[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )

    def run(self, name: str, *arguments: str, environment: Mapping[str, str]) -> None:
        """Run one command to its end. Raises ChildDiedError if it fails."""
        self.start(name, *arguments, environment=environment)
        if (code := self._roles[name].wait()) != 0:
            raise ChildDiedError(_obituary(name, code, self._log_of(name)))
        del self._roles[name]

    def watch(self, seconds: float, stop: Event) -> None:
        """Wait that long, or for ``stop``. Raises ChildDiedError if a process ended by itself."""
        stop.wait(seconds)
        if stop.is_set():
            return
        for server in self._servers:
            if (code := server.exit_code()) is not None:
                raise ChildDiedError(_obituary(server.name, code, server.log_path))
        for name, role in self._roles.items():
            if (code := role.poll()) is not None:
                raise ChildDiedError(_obituary(name, code, self._log_of(name)))

    def stop(self) -> None:
        """Stop the roles, then the servers; on a KeyboardInterrupt, kill all at once."""
        try:
            for role in self._roles.values():
                role.terminate()
            for role in self._roles.values():
                _end(role)
            for server in reversed(self._servers):
                server.stop()
        except KeyboardInterrupt:
            self._kill()
            raise

    def _kill(self) -> None:
        for role in self._roles.values():
            role.kill()
        for server in self._servers:
            server.kill()
        for role in self._roles.values():
            role.wait()

    def _log_of(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def _end(role: subprocess.Popen[bytes]) -> None:
    try:
        role.wait(_DOWN_WITHIN_S)
    except subprocess.TimeoutExpired:
        role.kill()
        role.wait()


def _obituary(name: str, code: int, log: Path) -> str:
    return f"{name} ended by itself, with code {code}. The end of {log}:\n{tail(log)}"
