"""Processes of the demo, servers and roles: started in order, watched, stopped together."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from app.errors import BillieError
from app.runtime.servers.embedded import EmbeddedServer, tail


class ChildDiedError(BillieError):
    """A process ended by itself. The message has its name and the end of its log."""


class Supervisor:
    """Runs servers, and roles with their logs in one folder."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._servers: list[EmbeddedServer] = []
        self._roles: list[EmbeddedServer] = []

    @property
    def processes(self) -> list[EmbeddedServer]:
        """All of them, in the order of their start."""
        return self._servers + self._roles

    def adopt(self, server: EmbeddedServer) -> EmbeddedServer:
        """Watch a running server as well, and stop it after all roles."""
        self._servers.append(server)
        return server

    def start(
        self, name: str, *arguments: str, environment: Mapping[str, str], module: str = "app.cli.main"
    ) -> None:
        """Start ``python -m module arguments`` without waiting for it."""
        command = [sys.executable, "-m", module, *arguments]
        log = self._logs / f"{name}.log"
        self._roles.append(EmbeddedServer(name, command, "", 0, log, lambda _: True, environment))

    def watch(self, seconds: float, stop: Event) -> None:
        """Wait that long, or for ``stop``. Raises ChildDiedError if a process ended by itself."""
        stop.wait(seconds)
        for each in self.processes:
            if not stop.is_set() and (code := each.exit_code()) is not None:
                end = tail(each.log_path)
                msg = f"{each.name} ended by itself, with code {code}. The end of {each.log_path}:\n{end}"
                raise ChildDiedError(msg)

    def stop(self) -> None:
        """Stop the roles, then the servers; on a KeyboardInterrupt, kill all at once."""
        try:
            for role in self._roles:
                if role.exit_code() is None:
                    os.kill(role.pid, signal.SIGTERM)
            for each in reversed(self.processes):
                each.stop()
        except KeyboardInterrupt:
            for each in self.processes:
                each.kill()
            raise
