"""What is under fire: roles and servers as processes that are killed, stopped, and given a wrong time."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from threading import Lock
from time import monotonic

import psutil

from app.runtime.servers.embedded import EmbeddedServer, tail
from tests.chaos.faults.clocks import Clock
from tests.support.commands import Billie, Process

SERVER_AWAY = 3
"""The exit code of a role that finds a server away when it starts: its supervisor starts it again."""


class Struck:
    """Whether something is struck, or was, not long ago."""

    def __init__(self) -> None:
        self._now, self._ended_at = False, monotonic()

    def begin(self) -> None:
        """It is struck from now on."""
        self._now = True

    def end(self) -> None:
        """It is as it should be again."""
        self._ended_at, self._now = monotonic(), False

    def since(self, moment: float) -> bool:
        """Whether it was, at any time after that one of ``monotonic``."""
        return self._now or self._ended_at >= moment


class Target:
    """A process with its clock. Who strikes it holds ``striking``.

    It is started by a thread of ``starters``, for it dies with the thread that has started it.
    """

    def __init__(self, name: str, clock: Clock, starters: Executor) -> None:
        self.name, self.clock, self._starters = name, clock, starters
        self.striking = Lock()
        self.pids: set[int] = set()
        """Of all that ran."""
        self.struck = Struck()

    port: int
    """Where a server listens."""

    @property
    def pid(self) -> int:
        """Of the process that runs, or ran last."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it with its previous data."""
        self._starters.submit(self._start).result()
        self.pids.add(self.pid)

    def _start(self) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        """``kill -9``, and all that it started."""
        raise NotImplementedError

    def is_up(self) -> bool:
        """Whether it does its work again, as far as that can be seen at once."""
        return True

    def signal(self, what: signal.Signals) -> None:
        """To the process and all that it started."""
        for each in [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]:
            os.kill(each.pid, what)


class Role(Target):
    """A verb of ``billie``, started again whenever a server was away when it started."""

    def __init__(
        self,
        name: str,
        arguments: tuple[str, ...],
        billie: Billie,
        folder: Path,
        starters: Executor,
        port: int | None = None,
        **settings: str,
    ) -> None:
        """``port``: where it listens once it serves."""
        super().__init__(name, Clock(folder / f"{name}.clock"), starters)
        self._arguments, self._billie, self._settings, self._port = arguments, billie, settings, port
        self.log_path = folder / f"{name}.log"
        self.restarts = 0
        self._is_coming_up = False
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _start(self) -> None:
        with self.log_path.open("a") as log:
            self._process = self._billie.start(
                *self._arguments, log=log, **self.clock.environment, **self._settings
            )

    def is_up(self) -> bool:
        if self._port is None:
            return True
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", self._port)) == 0

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> str | None:
        """SIGTERM. What was wrong with how it ended; None if nothing was."""
        assert self._process is not None
        self._process.terminate()
        try:
            code = self._process.wait(45)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"{self.name} did not end within 45 s of SIGTERM:\n{tail(self.log_path)}"
        # The API ends as its web server does: when all is done, by the signal itself.
        return (
            None if code in (0, -signal.SIGTERM) else f"{self.name} ended with {code}:\n{tail(self.log_path)}"
        )

    def look(self) -> str | None:
        """Start it again if it may have ended. What was wrong, where it must not have."""
        with self.striking:
            if self._process is None or (code := self._process.poll()) is None:
                if self._is_coming_up and self.is_up():
                    self._is_coming_up = False
                    self.struck.end()
                return None
            wrong = None if code == SERVER_AWAY else f"{self.name} ended with {code}:\n{tail(self.log_path)}"
            self.restarts += 1
            self._is_coming_up = True
            self.struck.begin()
            self.start()
            return wrong


class Server(Target):
    """An embedded server."""

    def __init__(
        self,
        name: str,
        folder: Path,
        starters: Executor,
        made: Callable[[Path, Mapping[str, str]], EmbeddedServer],
    ) -> None:
        super().__init__(name, Clock(folder / f"{name}.clock"), starters)
        self.server = starters.submit(made, folder / name, self.clock.environment).result()
        self.port = self.server.port
        self.pids.add(self.pid)

    @property
    def pid(self) -> int:
        return self.server.pid

    def _start(self) -> None:
        self.server.start()

    def kill(self) -> None:
        self.server.kill()


def forget_clocks(pids: Iterable[int]) -> None:
    """Remove what libfaketime leaves of a process that was killed: another may have its number next."""
    for pid in pids:
        for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
            (Path("/dev/shm") / name).unlink(missing_ok=True)
