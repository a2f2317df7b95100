"""The bytes of destroyed keys, in the files of SQLite and PostgreSQL, also with readers in the way."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

import psycopg
import pytest

from app.aggregates import Conversation, Customer
from app.event_store.application import Servicing
from app.privacy.key_rotation import rotate_keys
from app.privacy.key_tables import StoredKey
from app.privacy.master_keys import MasterKeys
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.data.erasing import SECRET, erase, know
from tests.support.data.given import absorb
from tests.support.data.projecting import On
from tests.support.roles import ingest
from tests.support.waiting import LONG_S


def files_of(path: Path) -> bytes:
    """The store's file, and its write-ahead log."""
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """A reader whose transaction stays open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        yield
        reader.execute("COMMIT")


def key_of(servicing: Servicing, kind: type, name: str) -> StoredKey:
    [key] = servicing.privacy.tables.keys_of([kind.id_of(name)])  # type: ignore[attr-defined]
    return key


def test_a_reader_blocks_no_erasure_and_a_repeat_completes_it(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(Servicing.from_url(f"sqlite:///{path}?timeout={LONG_S:.0f}")) as store:
        know(store, "C1", "L1")
        key = key_of(store, Customer, "C1")
        with reading(path):
            begun = monotonic()
            assert not erase(store).is_purged
            assert monotonic() - begun < LONG_S, "it does not wait for the reader as for another writer"
            absorb(store, [On(Customer, "C2").report_details(at=1, first_name="Zoe")])
        assert key.wrapped in files_of(path)
        assert erase(store).is_purged
        assert key.wrapped not in files_of(path)
        with store.privacy.tables.transaction(commit=False) as execute:
            assert execute("PRAGMA busy_timeout", ()) == [(LONG_S * 1_000,)]


@pytest.mark.sqlite_file
def test_a_consumer_and_the_status_remove_destroyed_keys_later(settings: Settings, billie: Billie) -> None:
    path = Path(settings.event_store_url.removeprefix("sqlite:///"))

    def owes(store: Servicing, name: str) -> StoredKey:
        """What a message erases, that tells late whose a chat is."""
        chat = On(Conversation, name)
        absorb(store, [chat.add_utterance(at=1, username="customer", utterance=SECRET)])
        key = key_of(store, Conversation, name)
        absorb(store, [chat.start(at=2, customer_id="C1")])
        assert key.wrapped in files_of(path)
        return key

    with closing(Servicing.from_url(settings.event_store_url)) as store:
        know(store, "C1", "L1")
        erase(store)
        key = owes(store, "V8")
        ingest(settings, drain=True, stop=Event())
        assert key.wrapped not in files_of(path)
        key = owes(store, "V9")
        with reading(path):
            assert "is blocking the removal of destroyed keys" in billie.run("keys", "status")
        assert "is blocking" not in billie.run("keys", "status")
        assert key.wrapped not in files_of(path)


def heap_of(url: str) -> bytes:
    """The file of the table of keys."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        found = connection.execute(
            "SELECT current_setting('data_directory'), pg_relation_filepath('personal_data_keys')"
        ).fetchone()
    assert found is not None
    return Path(*found).read_bytes()


def test_no_destroyed_key_is_left_in_postgres_files(postgres_url: str) -> None:
    names = [f"C{number}" for number in range(40)]
    with closing(Servicing.from_url(postgres_url)) as store:
        absorb(store, [On(Customer, name).report_details(at=1, first_name=SECRET) for name in names])
        keys = [key_of(store, Customer, name) for name in names]
        assert all(each.wrapped in heap_of(postgres_url) for each in keys)
        assert erase(store, "C0").is_purged
        assert keys[0].wrapped not in heap_of(postgres_url)
    with closing(Servicing.from_url(postgres_url, masters=MasterKeys(b"1" * 32))) as store:
        rotate_keys(store.privacy.tables, store.privacy.keys.masters)
        assert not any(each.wrapped in heap_of(postgres_url) for each in keys)


@pytest.mark.parametrize("table", ["facts", "keys"])
def test_a_blocking_postgres_transaction_is_reported(postgres_url: str, table: str) -> None:
    with closing(Servicing.from_url(postgres_url)) as store:
        know(store, "C1", "L1")
        key = key_of(store, Customer, "C1")
        with psycopg.connect(postgres_url) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute(f"SELECT COUNT(*) FROM personal_data_{table}".encode())
            assert not erase(store).is_purged
            assert key.wrapped in heap_of(postgres_url)
            reader.rollback()
        assert erase(store).is_purged
        assert key.wrapped not in heap_of(postgres_url)
