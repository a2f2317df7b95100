"""A PostgreSQL cluster for tests and benchmarks, made and removed by them, from the machine's programs."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.runtime.servers.embedded import free_port

_DEBIAN = Path("/usr/lib/postgresql")


class PrivatePostgres:
    """A cluster in a folder that is not there yet; it can be stopped, and started again on the same data.

    With a ``primary`` it is that one's standby, until it is promoted.
    """

    def __init__(
        self, programs: Path, directory: Path, *, is_synced: bool, primary: "PrivatePostgres | None" = None
    ) -> None:
        self._programs, self._directory = programs, directory
        self._data, self._port = directory / "data", free_port()
        self.name = directory.name
        self._is_synced = is_synced
        self.url = f"postgresql://billie@127.0.0.1:{self._port}"
        """Without a database's name."""
        directory.mkdir(parents=True)
        self._account = _account(directory)
        if primary is None:
            self._run("initdb", "-D", self._data, "-U", "billie", "-A", "trust", "-E", "UTF8")
            self.start()
        else:
            self.follow(primary)

    @property
    def pid(self) -> int:
        """The process id of the server that has started all others."""
        return int((self._data / "postmaster.pid").read_text().partition("\n")[0])

    def start(self) -> None:
        """Start, and return once it answers."""
        options = f"-p {self._port} -k {self._directory} -c listen_addresses=127.0.0.1"
        if not self._is_synced:
            options += " -c fsync=off"
        self._control("-l", self._directory / "postgres.log", "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, even with clients connected."""
        self._control("-m", "fast", "stop")

    def follow(self, primary: "PrivatePostgres") -> None:
        """Become a standby of another cluster, with its data instead of our own."""
        shutil.rmtree(self._data, ignore_errors=True)
        source = f"{primary.url}/?application_name={self.name}"
        self._run("pg_basebackup", "-d", source, "-D", self._data, "-c", "fast", "-R")
        self.start()

    def promote(self) -> None:
        """Let a standby become the primary, and return once it takes writes."""
        self._control("promote")

    def _control(self, *arguments: object) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", *arguments)

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [str(part) for part in (self._programs / program, *arguments)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            user=self._account,
        )


@contextmanager
def private_postgres(directory: Path, *, is_synced: bool = True) -> Iterator[PrivatePostgres | None]:
    """A cluster, while this is entered; None where PostgreSQL is not installed.

    Without ``is_synced`` it is faster, and loses nothing when it is killed, but all when the machine is.
    """
    if (programs := _programs()) is None:
        yield None
        return
    cluster = PrivatePostgres(programs, directory, is_synced=is_synced)
    try:
        yield cluster
    finally:
        cluster.stop()


def _programs() -> Path | None:
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parents[1].name))
    return versions[-1].parent if versions else None


def _account(directory: Path) -> int | None:
    """The account to run as: PostgreSQL does not run as root."""
    if os.getuid():
        return None
    account = pwd.getpwnam("postgres")
    os.chown(directory, account.pw_uid, account.pw_gid)
    return account.pw_uid
