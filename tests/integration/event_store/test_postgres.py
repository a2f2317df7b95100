"""The event store in PostgreSQL, on a cluster of its own: where the machine has its programs."""

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import which
from subprocess import DEVNULL, Popen
from threading import Event
from urllib.parse import quote

import psycopg
import pytest
from eventsourcing.persistence import OperationalError
from psycopg_pool import PoolTimeout

from app.aggregates import Conversation, Customer
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS, EventStoreUrlError
from app.event_store.postgres import PostgresBatchRecorder
from app.event_store.postgres_connections import EventStoreFactory, connect
from app.event_store.url import event_store_environment
from app.ingestion.stream.apply import AppliedBatch, apply_messages
from app.operations.doctor.check import Verdict
from app.operations.doctor.doctor import examine
from app.operations.servers import Servers
from app.runtime.servers.embedded import free_port
from app.runtime.settings.settings import Settings
from tests.support.waiting import LONG_S, until
from tests.unit.ingestion.entries import heard, message, said
from tools.private_postgres import PrivatePostgres


@pytest.fixture
def two(postgres_url: str) -> Iterator[tuple[Servicing, Servicing]]:
    one, other = Servicing.from_url(postgres_url, cache=10), Servicing.from_url(postgres_url, cache=10)
    yield one, other
    one.close()
    other.close()


def test_two_consumers_take_the_writer_lock_in_turn(two: tuple[Servicing, Servicing]) -> None:
    one, other = two
    assert apply_messages(one, [said(1), said(2, "V2")], Event()).position == 4
    assert apply_messages(other, [said(3), said(1)], Event()).position == 5
    ann = message({"typ": "customer.created.v1", "id": "c1", "dat": {"customer_id": "C1"}})
    assert apply_messages(one, [said(4), said(3), ann], Event()).position == 8
    for each in two:
        assert (heard(each), heard(each, "V2")) == (["1", "3", "4"], ["2"])
        assert each.load(Customer, "C1") is not None


def test_a_unix_socket_is_a_host_with_encoded_slashes(
    postgres_cluster: PrivatePostgres, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as connection:
        [(folder,)] = connection.execute("SHOW unix_socket_directories")
    port = postgres_cluster.url.rpartition(":")[2]
    with closing(Servicing.from_url(f"postgresql://billie@{quote(folder, safe='')}:{port}/store")) as store:
        assert apply_messages(store, [said(1)], Event()).position == 2
    with closing(Servicing.from_url(postgres_url)) as same:
        assert heard(same) == ["1"]


def test_a_page_ends_at_so_many_events_or_bytes_and_passes_over_topics(
    two: tuple[Servicing, Servicing], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = two
    apply_messages(store, [said(number) for number in range(1, 9)], Event())
    whole = store.page(0, 9, 100)
    assert [each.position for each in whole] == list(range(1, 10))
    assert store.page(3, 6, 100) == whole[3:6]
    assert store.page(3, 9, 2) == whole[3:5]
    assert store.page(0, 9, 2, [whole[0].topic]) == whole[1:3], "all but the registration"
    monkeypatch.setattr("app.event_store.postgres.PAGE_BYTES", len(whole[0].state) + 1)
    assert store.page(0, 9, 100) == whole[:2]


def test_a_history_has_pages_of_so_many_events_or_bytes(
    two: tuple[Servicing, Servicing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as SQLite's."""
    store, _ = two
    with closing(Servicing.from_url(f"sqlite:///{tmp_path / 'events.db'}")) as other:
        for each in (store, other):
            apply_messages(each, [said(1), said(2, "V2"), *(said(number) for number in range(3, 9))], Event())
            whole = each.history_page((Conversation, "V1"), 0, 100)
            assert [row.originator_version for row in whole] == list(range(1, 9))
            assert whole == each.recorded_of([(Conversation, "V1")])
            assert each.history_page((Conversation, "V1"), 3, 2) == whole[3:5]
            assert each.history_page((Conversation, "V1"), 8, 2) == []
            assert each.history_page((Conversation, "nobody"), 0, 2) == []
            with monkeypatch.context() as few:
                for module in ("sqlite", "postgres"):
                    few.setattr(f"app.event_store.{module}.PAGE_BYTES", len(whole[0].state) + 1)
                assert each.history_page((Conversation, "V1"), 0, 100) == whole[:2]


def test_an_overtaken_writer_starts_again(
    two: tuple[Servicing, Servicing], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    monkeypatch.setattr("app.event_store.postgres.LONGEST_WAIT_S", 0.01)
    applied = AppliedBatch(one, [said(1), said(2, "V2")])
    apply_messages(other, [said(3)], Event())  # It did not wait long for its turn.
    applied.store(Event())
    assert (len(applied.stored), applied.failed) == (2, [])
    assert (heard(one), heard(one, "V2")) == (["3", "1"], ["2"])


def test_lost_server_is_a_store_fault(
    two: tuple[Servicing, Servicing], postgres_cluster: PrivatePostgres
) -> None:
    one, _ = two
    apply_messages(one, [said(1)], Event())
    with psycopg.connect(f"{postgres_cluster.url}/postgres", autocommit=True) as connection:
        connection.execute("ALTER DATABASE store ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'store'")
        with pytest.raises(EVENT_STORE_ERRORS):
            apply_messages(one, [said(2)], Event())
        connection.execute("ALTER DATABASE store ALLOW_CONNECTIONS true")
    assert len(apply_messages(one, [said(2)], Event()).stored) == 1
    assert heard(one) == ["1", "2"]


def test_a_role_waits_for_a_server_lost_while_opening(
    postgres_cluster: PrivatePostgres, postgres_url: str
) -> None:
    environment, waits = event_store_environment(postgres_url), "wait_event_type = 'Lock'"
    with (
        ThreadPoolExecutor(1) as thread,
        psycopg.connect(f"{postgres_cluster.url}/postgres", autocommit=True) as connection,
        PostgresBatchRecorder.opening(environment),  # Somebody else is at it.
    ):
        second = thread.submit(lambda: Servicing.from_url(postgres_url).close())
        killed = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {waits}"
        until(lambda: connection.execute(killed.encode()).rowcount == 1, what="somebody to wait for the lock")
        error = second.exception(LONG_S)
    assert isinstance(error, EVENT_STORE_ERRORS)


def test_requested_tls_is_never_skipped(postgres_url: str) -> None:
    """The cluster of tests has none: a connection that needs it fails, the library's and ours."""
    environment = event_store_environment(f"{postgres_url}?sslmode=require")
    with pytest.raises(OperationalError, match="does not support SSL"):
        connect(environment)
    with EventStoreFactory(environment).datastore.pool as pool:
        assert pool.kwargs["sslmode"] == "require"
        with pytest.raises(PoolTimeout):
            pool.wait(1.0)
    with closing(Servicing.from_url(f"{postgres_url}?sslmode=prefer")) as servicing:
        assert apply_messages(servicing, [said(1)], Event()).position == 2


@contextmanager
def pgbouncer(cluster: PrivatePostgres, folder: Path, mode: str) -> Iterator[int]:
    """Its port. Skips the test where it is not installed."""
    if (program := which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")) is None:
        pytest.skip("PgBouncer is not installed: apt-get install --no-install-recommends pgbouncer")
    port, server = free_port(), cluster.url.rpartition(":")[2]
    lines = (
        *("[databases]", f"* = host=127.0.0.1 port={server} user=billie"),
        *("[pgbouncer]", "listen_addr = 127.0.0.1", f"listen_port = {port}", "unix_socket_dir ="),
        *("auth_type = any", f"pool_mode = {mode}"),
    )
    (folder / "pgbouncer.ini").write_text("\n".join(lines))
    account = "nobody" if os.getuid() == 0 else None  # It does not run as root.
    with (
        (folder / "pgbouncer.ini").open() as settings,
        Popen([program, "/dev/stdin"], stdin=settings, stderr=DEVNULL, user=account) as running,
    ):
        try:
            until(lambda: is_taken(port), what="PgBouncer to listen")
            yield port
        finally:
            running.kill()


def is_taken(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_pooler_is_refused_with_what_to_use_instead(
    postgres_cluster: PrivatePostgres, postgres_url: str, settings: Settings, tmp_path: Path, mode: str
) -> None:
    """In transaction mode, a lock that a session holds would outlive its holder."""
    Servicing.from_url(postgres_url).close()
    with pgbouncer(postgres_cluster, tmp_path, mode) as port:
        url = f"postgresql://billie@127.0.0.1:{port}/store"
        with pytest.raises(EventStoreUrlError, match="BILLIE_EVENT_STORE_URL leads to a connection pooler"):
            Servicing.from_url(url)
        own = settings.model_copy(update={"event_store_url": url})
        with closing(Servers(own)) as servers:
            with pytest.raises(EventStoreUrlError, match="Name PostgreSQL's own host and port"):
                servers.check_master_key()
            [check] = [each for each in examine(servers) if each.name == "event_store.connection"]
        assert (check.verdict, "connection pooler" in check.detail) == (Verdict.AWAY, True)
    with psycopg.connect(postgres_url) as connection:
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        assert connection.execute(locks).fetchone() == (0,)


def test_of_several_hosts_the_one_that_takes_writes_is_used(
    postgres_url: str,
) -> None:
    """Nobody listens at the first; a standby says that it is read-only."""
    with closing(Servicing.from_url(postgres_url.replace("@", "@127.0.0.1:1,"))) as store:
        assert apply_messages(store, [said(1)], Event()).position == 2
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("ALTER DATABASE store SET default_transaction_read_only = on")
    with pytest.raises(OperationalError, match="session is read-only"):
        Servicing.from_url(postgres_url)
