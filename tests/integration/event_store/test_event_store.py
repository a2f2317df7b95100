"""The SQLite event store as a file that several processes open, use and lose."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from app.aggregates import Customer
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS, EventStoreUrlError
from app.event_store.url import event_store_environment
from app.ingestion.messages.catalogue import Message, read_entry
from app.ingestion.stream.apply import apply_messages

OPEN = """
import sys
from app.aggregates import Customer
from app.event_store.application import Servicing
from tests.support.data.given import message
print("ready", flush=True)
for line in sys.stdin:
    servicing = Servicing.from_url(line.strip())
    unit = servicing.unit_of_work()
    unit.obtain(Customer, sys.argv[1], message("m"))
    unit.commit()
    print("saved", flush=True)
    servicing.close()
"""


def say(child: subprocess.Popen[str], line: str) -> None:
    assert child.stdin is not None
    child.stdin.write(line + "\n")
    child.stdin.flush()


def heard(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def customer_message() -> Message:
    fields = {b"typ": b"customer.created.v1", b"event_id": b"e1", b"dat": b'{"customer_id": "C1"}'}
    message = read_entry("inbox", b"1772000000000-0", fields, 10_000)
    assert message is not None
    return message


def test_processes_that_open_a_new_file_at_once_all_get_it(tmp_path: Path) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, f"C{number}"],
            cwd=Path(__file__).parents[3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    assert [heard(child) for child in children] == ["ready"] * 4
    for number in range(25):
        url = f"sqlite:///{tmp_path}/events{number}.db"
        for child in children:
            say(child, url)
        assert [heard(child) for child in children] == ["saved"] * 4
        servicing = Servicing.from_url(url)
        assert all(servicing.load(Customer, f"C{each}") for each in range(4))
        servicing.close()
    for child in children:
        child.communicate(timeout=30)
        assert child.returncode == 0
    with closing(sqlite3.connect(tmp_path / "events0.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_broken_store_is_never_a_messages_own_fault(tmp_path: Path) -> None:
    servicing = Servicing.from_url(f"sqlite:///{tmp_path / 'events.db'}", cache=10)
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection:
        connection.execute("DROP TABLE stored_events")
    with pytest.raises(EVENT_STORE_ERRORS, match="no such table"):
        apply_messages(servicing, [customer_message()], Event())
    servicing.close()


def test_the_url_sets_the_wait_for_a_locked_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}?timeout=1"
    servicing = Servicing.from_url(url)
    with closing(sqlite3.connect(tmp_path / "events.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        started = monotonic()
        with pytest.raises(EVENT_STORE_ERRORS, match="locked"):
            apply_messages(servicing, [customer_message()], Event())
        assert 1 <= monotonic() - started < 30, "which is the default"
    apply_messages(servicing, [customer_message()], Event())
    servicing.close()


@pytest.mark.parametrize("timeout", ["0", "soon", "-1", ""])
def test_non_numeric_timeout_is_refused(timeout: str) -> None:
    with pytest.raises(EventStoreUrlError, match=r"BILLIE_EVENT_STORE_URL.*timeout"):
        event_store_environment(f"sqlite:///events.db?timeout={timeout}")


@pytest.mark.parametrize(
    ("url", "named"), [("mysql://host/db", "mysql"), ("sqlite://", "no file"), ("events.db", "scheme")]
)
def test_an_unsupported_url_is_refused_with_the_accepted_forms(url: str, named: str) -> None:
    with pytest.raises(EventStoreUrlError, match=rf"BILLIE_EVENT_STORE_URL.*{named}.*sqlite:///"):
        event_store_environment(url)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("sqlite://var/events.db", "two slashes"),
        ("sqlite:///var/events#1.db", "%23"),
        ("sqlite:///var/events.db#", "%23"),
        ("sqlite:///var/events?1.db", "option '1.db'.*%3F"),
        ("sqlite:///:memory:", "no file"),
        ("postgresql://billie@host", "no database"),
        ("postgresql://billie:1/2@host/store", "no database"),
        ("postgresql://billie@host:port/store", "port cannot be read"),
        ("postgresql://billie@a:1,b:port/store", "port cannot be read"),
        ("postgresql://a,b/store?target_session_attrs=any", "primary"),
    ],
)
def test_a_misleading_url_is_refused(url: str, named: str) -> None:
    """``sqlite:///var/events#1.db`` was the file ``var/events``."""
    with pytest.raises(EventStoreUrlError, match=rf"BILLIE_EVENT_STORE_URL.*{named}"):
        event_store_environment(url)


def test_an_option_lost_before_postgresql_is_refused() -> None:
    with pytest.raises(EventStoreUrlError, match=r"BILLIE_EVENT_STORE_URL.*'sslmod'.*sslmode"):
        event_store_environment("postgresql://host/db?sslmod=require")


def test_a_url_may_name_several_hosts_each_with_a_port() -> None:
    url = "postgresql://ann:s%2Fecret@db-1:6432,[::1],%2Frun%2Fpg:5433/store"
    found = event_store_environment(url)
    assert (found["POSTGRES_HOST"], found["POSTGRES_PORT"]) == ("db-1,::1,/run/pg", "6432,5432,5433")
    assert (found["POSTGRES_USER"], found["POSTGRES_PASSWORD"]) == ("ann", "s/ecret")
    assert found["POSTGRES_TARGET_SESSION_ATTRS"] == "read-write"
    assert (
        event_store_environment(f"{url}?target_session_attrs=primary")["POSTGRES_TARGET_SESSION_ATTRS"]
        == "primary"
    )
