"""The console script as a user runs it: a process of its own."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Self

from pydantic import SecretStr

from app.runtime.settings.settings import Settings

ROOT = Path(__file__).parents[2]


class Process:
    """A command that runs, with those methods of Popen that tests need."""

    def __init__(self, pid: int, answers: IO[str], stdout: IO[str], stderr: IO[str]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._answers, self._printed, self._lock = answers, (stdout, stderr), Lock()

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._code_within(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, at its end. Raises TimeoutExpired."""
        if (code := self._code_within(timeout)) is None:
            raise subprocess.TimeoutExpired("billie", timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """At its end: what it printed, and its errors unless a log has them. Raises TimeoutExpired."""
        self.wait(timeout)
        return self._text(0), self._text(1)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _code_within(self, seconds: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._answers], [], [], seconds)[0]:
                with self._answers:
                    self.returncode = int(self._answers.readline())
            return self.returncode

    def _text(self, number: int) -> str:
        file = self._printed[number]
        if file.closed or not file.readable():
            return ""
        with file:
            file.seek(0)
            return file.read()


class _Server:
    """Our end of ``process_server.py``. Threads share it."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                (sys.executable, "-m", "tests.support.process_server"),
                cwd=ROOT,
                stdin=theirs,
                start_new_session=True,
            )
        atexit.register(self._close)

    def begin(
        self, arguments: tuple[str, ...], settings: Mapping[str, str], stdin: IO[str], *printed: IO[str]
    ) -> Process:
        ours, theirs = os.pipe()
        request = {"arguments": arguments, "folder": str(ROOT), "environment": os.environ | settings}
        files = [*(file.fileno() for file in (stdin, *printed)), theirs]
        socket.send_fds(self._requests, [json.dumps(request).encode()], files)
        os.close(theirs)
        answers = os.fdopen(ours)
        if not (pid := answers.readline()):
            raise AssertionError("the process server has ended: its errors are above")
        return Process(int(pid), answers, *printed)

    def _close(self) -> None:
        self._requests.close()
        self._server.wait()


_server = cache(_Server)


@dataclass(frozen=True)
class Billie:
    """Runs ``billie`` with the settings of a test."""

    environment: Mapping[str, str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """With all those settings that are not the defaults."""
        given = {name: getattr(settings, name) for name in settings.model_fields_set}
        return cls(
            {
                f"BILLIE_{name.upper()}": value.get_secret_value()
                if isinstance(value, SecretStr)
                else str(value)
                for name, value in given.items()
            }
        )

    def run(self, *arguments: str, stdin: str = "", within_s: float = 600) -> str:
        """Run a command to its end; what it printed. Fails the test unless it exits with 0."""
        done = self.end(*arguments, stdin=stdin, within_s=within_s)
        assert done.returncode == 0, f"billie {' '.join(arguments)}: {done.returncode}\n{done.stderr}"
        return done.stdout

    def end(
        self, *arguments: str, stdin: str = "", within_s: float = 600, **more_settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, good or bad. Raises TimeoutExpired."""
        with _file() as given, _file() as printed, _file() as errors:
            given.write(stdin)
            given.seek(0)
            settings = {**self.environment, **more_settings}
            process = _server().begin(arguments, settings, given, printed, errors)
            try:
                process.wait(within_s)
            finally:
                process.kill()
            return subprocess.CompletedProcess(arguments, process.wait(), *process.communicate())

    def start(self, *arguments: str, log: IO[str] | None = None, **more_settings: str) -> Process:
        """Start a command, and go on at once. Its errors go to ``log``, or wait for ``communicate``."""
        with open(os.devnull) as nothing, open(os.devnull, "w") as nowhere:
            errors = _file() if log is None else log
            return _server().begin(arguments, {**self.environment, **more_settings}, nothing, nowhere, errors)


def _file() -> IO[str]:
    return TemporaryFile("w+", encoding="utf-8")
