"""The processes under fire: ``billie ingest`` and ``billie project``, killed and started again."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from app.runtime.embedded import EmbeddedServer, tail
from tests.commands import Billie
from tests.waiting import until

Started = Callable[[int], None]


class Role:
    """One process, under a name of its own. ``server``: the one that it works with first."""

    def __init__(
        self, name: str, verb: str, billie: Billie, server: EmbeddedServer, logs: Path, started: Started
    ) -> None:
        self.name, self.verb = name, verb
        self._billie, self._server, self._logs, self._started = billie, server, logs, started
        self._starts = 0
        self.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log_path(self) -> Path:
        """What this incarnation says."""
        return self._logs / f"{self.name}-{self._starts}.log"

    def start(self) -> None:
        """Start, and go on at once."""
        self._starts += 1
        with self.log_path.open("w") as log:
            self._process: subprocess.Popen[str] = self._billie.start(
                self.verb, log=log, BILLIE_CONSUMER_NAME=self.name
            )
        self._started(self.pid)

    def wait_until_at_work(self) -> None:
        """Return once it is past its start, and talks to its server. Fails the test if it ended."""
        until(self._at_work, what=f"{self.name} to talk to its server")

    def kill(self) -> None:
        """``kill -9``. Fails the test if it had ended by itself."""
        self._must_live()
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and a clean end. Fails the test otherwise."""
        self._must_live()
        self._process.terminate()
        assert self._process.wait(30) == 0, self._obituary()

    def abandon(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()

    def says(self) -> str:
        """All that this incarnation has said."""
        return self.log_path.read_text(errors="replace")

    def _at_work(self) -> bool:
        self._must_live()
        connections = psutil.Process(self.pid).net_connections("tcp")
        return any(
            each.raddr and each.raddr.port == self._server.port and each.status == psutil.CONN_ESTABLISHED
            for each in connections
        )

    def _must_live(self) -> None:
        if self._process.poll() is not None:
            pytest.fail(self._obituary())

    def _obituary(self) -> str:
        code = self._process.returncode
        return f"{self.name} ended with code {code}. The end of its log:\n{tail(self.log_path)}"
