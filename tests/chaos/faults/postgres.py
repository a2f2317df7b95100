"""PostgreSQL under fire: a cluster of its own, killed with all its processes, stopped, out of disk."""

import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import psutil
import psycopg

from app.runtime.servers.embedded import die_with_parent, free_port
from tests.chaos.faults.clocks import Clock
from tests.chaos.faults.disks import Disk
from tests.chaos.faults.processes import Target
from tools import private_postgres

_UP_WITHIN_S = 180.0
_NAME = "events"


class PostgresServer(Target):
    """Its data is in the folder of a disk: it ends when that is full, and is started again when it is not."""

    def __init__(self, folder: Path, clocks: Path, starters: Executor) -> None:
        super().__init__("postgres", Clock(clocks / "postgres.clock"), starters)
        programs = private_postgres._programs()
        assert programs is not None, "PostgreSQL is not installed"
        self._programs, self._data, self.port = programs, folder / "data", free_port()
        self._log_path = clocks / "postgres.log"
        self._account = private_postgres._account(folder)
        self.url = f"postgresql://billie@127.0.0.1:{self.port}/{_NAME}"
        self._run("initdb", "-D", self._data, "-U", "billie", "-A", "trust", "-E", "UTF8")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        with psycopg.connect(self.url.replace(_NAME, "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_NAME}".encode())

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """With all that it started: what is left of one that was killed alone keeps its successor out."""
        assert self._process is not None
        if self._process.poll() is None:
            server = psutil.Process(self.pid)
            killed = [server, *server.children(recursive=True)]
            for each in killed:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            psutil.wait_procs(killed, timeout=30)
        self._process.wait()

    def start_again_if_it_ended(self) -> None:
        """As its supervisor would, once its disk has room."""
        if self._process is not None and self._process.poll() is not None:
            self.start()

    def is_up(self) -> bool:
        try:
            psycopg.connect(self.url.replace(_NAME, "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _start(self) -> None:
        options = ("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_wal_size=64MB")
        command = [
            str(self._programs / "postgres"),
            *("-D", str(self._data), "-p", str(self.port), "-k", str(self._data.parent), *options),
        ]
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                preexec_fn=die_with_parent,
                user=self._account,
            )
        until = monotonic() + _UP_WITHIN_S
        while not self.is_up():
            if self._process.poll() is not None and self._log_path.stat().st_size and monotonic() < until:
                return  # It ended at once: its disk is full; clearing it starts it again.
            assert monotonic() < until, "PostgreSQL does not come up"
            sleep(0.05)

    def _environment(self) -> Mapping[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **self.clock.environment}

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [str(part) for part in (self._programs / program, *arguments)],
            capture_output=True,
            check=True,
            user=self._account,
        )


class PostgresStore:
    """A database of that cluster. Locked: somebody locks the table of events, and nobody can write."""

    def __init__(self, disk: Disk, server: PostgresServer) -> None:
        self.disk, self._server, self.url = disk, server, server.url

    @contextmanager
    def locked(self) -> Iterator[None]:
        try:
            connection = psycopg.connect(self.url, connect_timeout=2)
        except psycopg.OperationalError:
            yield  # It is down: nobody can write either.
            return
        with suppress(psycopg.OperationalError), connection:
            connection.execute("SET statement_timeout = '5s'; LOCK TABLE servicing_events IN EXCLUSIVE MODE")
            yield
            connection.rollback()

    def recover(self) -> None:
        self._server.start_again_if_it_ended()

    def whole(self) -> bool:
        """By PostgreSQL's own check of tables, and of each index against its table."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
            damaged = connection.execute(
                "SELECT msg FROM pg_class, verify_heapam(pg_class.oid) "
                "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            ).fetchall()
            connection.execute(
                "SELECT bt_index_check(pg_class.oid, true) FROM pg_class JOIN pg_am ON pg_am.oid = relam "
                "WHERE relkind = 'i' AND amname = 'btree' AND relnamespace = 'public'::regnamespace"
            )
            return damaged == []
