"""Begins processes of ``billie`` as copies of one that has imported everything: a second less for each.

Each is a process of its own, to be killed and waited for. The server ends with the tests, its copies with it.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass
from importlib import import_module

from app.cli.main import COMMANDS, run
from app.runtime.servers.embedded import die_with_parent

LARGEST_REQUEST = 1 << 18
_OF_AN_INTERPRETERS_START = ("LD_PRELOAD", "PYTHONPATH")
"""Variables that only a new interpreter reads."""


@dataclass(frozen=True)
class Command:
    """What a copy is asked to be: its arguments, folder and environment, and its stdin, stdout and stderr."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    files: list[int]

    def become(self) -> None:
        """Run it in this process, as an interpreter of its own would. Ends by SystemExit."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent()
        os.chdir(self.folder)
        for number, file in enumerate(self.files):
            os.dup2(file, number)
            os.close(file)
        if any(os.environ.get(name) != self.environment.get(name) for name in _OF_AN_INTERPRETERS_START):
            os.execve(
                sys.executable, [sys.executable, "-m", "app.cli.main", *self.arguments], self.environment
            )
        os.environ.clear()
        os.environ.update(self.environment)
        time.tzset()
        sys.argv = ["billie", *self.arguments]
        sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
        sys.stderr = os.fdopen(2, "w", buffering=1)
        run()


def serve(requests: socket.socket) -> Command | None:
    """Begin what is asked for until the tests close their end. In a copy: what it is to be.

    A request is JSON, with the files of the process, and one to write its number and its exit code to.
    """
    answers: dict[int, int] = {}
    woken, waking = os.pipe()
    for end in (woken, waking):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(waking)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    with selectors.DefaultSelector() as ready:
        ready.register(requests, selectors.EVENT_READ)
        ready.register(woken, selectors.EVENT_READ)
        while True:
            asked = {key.fileobj for key, _ in ready.select()}
            if woken in asked:
                os.read(woken, 4_096)
                _tell_who_ended(answers)
            if requests in asked:
                request, received, _, _ = socket.recv_fds(requests, LARGEST_REQUEST, 4)
                if not request:
                    return None
                *files, answer = received
                if (pid := os.fork()) == 0:
                    break
                answers[pid] = answer
                os.write(answer, f"{pid}\n".encode())
                for file in files:
                    os.close(file)
    signal.set_wakeup_fd(-1)
    requests.close()
    for file in (woken, waking, answer, *answers.values()):
        os.close(file)
    return Command(**json.loads(request), files=files)


def _tell_who_ended(answers: dict[int, int]) -> None:
    while answers:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with os.fdopen(answers.pop(pid), "w") as answer:
            answer.write(f"{os.waitstatus_to_exitcode(status)}\n")


if __name__ == "__main__":
    for module, _ in COMMANDS.values():
        import_module(f"app.cli.{module}")
    gc.collect()
    gc.freeze()
    if (command := serve(socket.socket(fileno=0))) is not None:
        command.become()
