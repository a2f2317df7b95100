"""Two writers whose transactions overlap in PostgreSQL: no event is passed over by a projection."""

from threading import Event, Thread, current_thread
from typing import Any

import psycopg
import pytest
from pymongo.database import Database

from app.aggregates import Customer
from app.event_store.application import Servicing
from app.event_store.postgres import PostgresBatchRecorder
from app.privacy.key_tables import KeyTables
from app.projections.engine.projector import Projector
from app.projections.read_models.customers import Customers
from tests.support.data.given import Step, absorb, message
from tests.support.waiting import LONG_S, until

CUSTOMERS = Customers()

SLOW = "the slow writer"


def registered(name: str) -> Step:
    return Step(Customer, name, "report_details", message(name), {"first_name": name})


def waits_for_the_table(url: str) -> bool:
    """Whether a transaction waits for another's before it inserts."""
    with psycopg.connect(url, autocommit=True) as connection:
        waiting = connection.execute(
            "SELECT query FROM pg_stat_activity"
            " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        ).fetchall()
    return any(query.startswith("LOCK TABLE") for (query,) in waiting)


@pytest.mark.parametrize("locks", [True, False], ids=["as it is", "without the lock on the table"])
def test_no_event_of_a_transaction_that_commits_late_is_skipped(
    postgres_url: str, mongo_db: Database[dict[str, Any]], locks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow writer has its positions, and has not committed, when the quick one begins.

    Without the lock that the library takes for an insert, the quick one's later positions are visible
    first, and a projection moves past those of the slow one. That shows what this test would see.
    """
    inserted, commit = Event(), Event()
    insert = PostgresBatchRecorder._insert_stored_events

    def held(self: Any, *arguments: Any, **more: Any) -> None:
        insert(self, *arguments, **more)
        if current_thread().name == SLOW:
            inserted.set()
            assert commit.wait(LONG_S)

    monkeypatch.setattr(PostgresBatchRecorder, "_insert_stored_events", held)
    if not locks:
        monkeypatch.setattr(PostgresBatchRecorder, "_lock_table", lambda _self, _cursor: None)
        # What is written beside the events would make the quick one wait as well: for a row of its own.
        monkeypatch.setattr(KeyTables, "_note", lambda _self, _execute, _name, _value: None)
    slow, quick, reader = (Servicing.from_url(postgres_url) for _ in range(3))
    engine = Projector(CUSTOMERS, reader, mongo_db)
    writers = [
        Thread(target=absorb, args=(slow, [registered("slow")]), name=SLOW),
        Thread(target=absorb, args=(quick, [registered("quick")]), name="the quick writer"),
    ]
    writers[0].start()
    assert inserted.wait(LONG_S)
    writers[1].start()
    if locks:
        until(
            lambda: waits_for_the_table(postgres_url), LONG_S / 2, "the quick writer to wait for the slow one"
        )
    else:
        writers[1].join(LONG_S / 2)
    assert writers[1].is_alive() is locks
    while engine.step():
        pass
    assert writers[0].is_alive()
    commit.set()
    for writer in writers:
        writer.join(LONG_S)
    while engine.step():
        pass
    folded = {document["_id"] for document in mongo_db["customers"].find()}
    assert folded == ({"slow", "quick"} if locks else {"quick"})
    assert engine.position() == reader.max_position()
    for each in (slow, quick, reader):
        each.close()


def test_under_many_writers_every_event_is_folded(
    postgres_url: str, mongo_db: Database[dict[str, Any]]
) -> None:
    stores = [Servicing.from_url(postgres_url) for _ in range(4)]

    def write(number: int) -> None:
        for each in range(25):
            absorb(stores[number], [registered(f"{number}-{each}-{part}") for part in range(3)])

    reader = Servicing.from_url(postgres_url)
    engine, positions = Projector(CUSTOMERS, reader, mongo_db, batch=7), [0]
    writers = [Thread(target=write, args=(number,)) for number in range(len(stores))]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers) or positions[-1] < reader.max_position():
        engine.step()
        positions.append(engine.position())
    assert positions == sorted(positions)
    assert mongo_db["customers"].count_documents({}) == 4 * 25 * 3
    for each in (*stores, reader):
        each.close()
