"""A PostgreSQL primary with two standbys: it is killed, and one of them promoted."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import psycopg
import pytest

from tests.support.waiting import LONG_S, until
from tools import private_postgres
from tools.private_postgres import PrivatePostgres


class Replicas:
    """A primary, whose commits wait for the synchronous standby, and not for the asynchronous one."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.primary = PrivatePostgres(programs, folder / "one", is_synced=False)
        self.standbys: list[PrivatePostgres] = []
        """The synchronous one, and the asynchronous one."""
        self.down: list[PrivatePostgres] = []
        """Killed."""
        self.ask("CREATE DATABASE store", of="postgres")
        for name in ("two", "three"):
            self.standbys.append(
                PrivatePostgres(programs, folder / name, is_synced=False, primary=self.primary)
            )
        servers = [self.primary, *self.standbys]
        self.url = f"postgresql://billie@{','.join(each.url.rpartition('@')[2] for each in servers)}/store"
        """Of all three, in an order that says nothing of which is the primary."""
        self._wait_for_synchronous()

    def ask(self, statement: str, server: PrivatePostgres | None = None, of: str = "store") -> list[Any]:
        """The rows that a server, or the primary, answers with."""
        url = f"{(server or self.primary).url}/{of}"
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def empty(self) -> str:
        """The URL, to a store that has nothing yet."""
        self.ask("DROP DATABASE store WITH (FORCE)", of="postgres")
        self.ask("CREATE DATABASE store", of="postgres")
        return self.url

    def kill(self, server: PrivatePostgres) -> None:
        """With all its processes."""
        first = psutil.Process(server.pid)
        killed = [first, *first.children(recursive=True)]
        for each in killed:
            with suppress(psutil.NoSuchProcess):  # One of them ended meanwhile.
                each.kill()
        psutil.wait_procs(killed, timeout=LONG_S)
        self.down.append(server)

    def revive(self) -> None:
        """The killed primary starts again."""
        self.primary.start()
        self.down.remove(self.primary)

    def wait_for_nobody(self) -> None:
        """Commits wait for no standby any more."""
        self._set("synchronous_standby_names", "", self.primary)

    def promote(self, standby: PrivatePostgres) -> None:
        """It waits for nobody: of the others, none follows it yet."""
        self._set("synchronous_standby_names", "", standby)
        standby.promote()
        self.standbys.remove(standby)
        self.primary = standby

    def mend(self) -> None:
        """Those that do not follow the primary become its standbys."""
        behind, self.standbys = {each.name: each for each in (*self.down, *self.standbys)}, []
        for each in behind.values():
            if each not in self.down:
                each.stop()
            each.follow(self.primary)
            self.standbys.append(each)
        self.down = []
        self._wait_for_synchronous()

    def hold_back(self, standby: PrivatePostgres) -> None:
        """It has all that is committed so far, and gets nothing more."""
        [(committed,)] = self.ask("SELECT pg_current_wal_lsn()")
        replayed = f"SELECT pg_last_wal_replay_lsn() >= '{committed}'"
        until(lambda: self.ask(replayed, standby, "postgres") == [(True,)], what="it to have all")
        self._set("primary_conninfo", "", standby)
        until(
            lambda: not self.ask("SELECT pid FROM pg_stat_wal_receiver", standby, "postgres"),
            what="it to receive nothing",
        )

    def close(self) -> None:
        for each in (self.primary, *self.standbys):
            if each not in self.down:
                each.stop()

    def _set(self, name: str, value: str, server: PrivatePostgres) -> None:
        self.ask(f"ALTER SYSTEM SET {name} = '{value}'", server, "postgres")
        self.ask("SELECT pg_reload_conf()", server, "postgres")

    def _wait_for_synchronous(self) -> None:
        """Commits wait for the first standby from now on."""
        name = self.standbys[0].name
        self._set("synchronous_standby_names", name, self.primary)
        states = "SELECT application_name, sync_state FROM pg_stat_replication WHERE state = 'streaming'"
        wanted = [(name, "sync"), (self.standbys[1].name, "async")]
        until(lambda: sorted(self.ask(states)) == sorted(wanted), what="both standbys to stream")


@contextmanager
def postgres_replicas() -> Iterator[Replicas]:
    """Those three. Skips the test where PostgreSQL is not installed."""
    if (programs := private_postgres._programs()) is None:
        pytest.skip("PostgreSQL is not installed: apt-get install --no-install-recommends postgresql")
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's account must get to its folder.
        replicas = Replicas(programs, Path(folder))
        try:
            yield replicas
        finally:
            replicas.close()
