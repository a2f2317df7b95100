"""What becomes of a batch when the event store conflicts, fails, or refuses one event."""

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError, PersistenceError, RecordConflictError

from app.aggregates import Conversation, Customer
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.catalogue import Message
from app.ingestion.messages.rejection import Reason, RejectedError
from app.ingestion.stream.apply import apply_messages
from tests.unit.ingestion.entries import doing, heard, message, raising, said


def unstorable(number: int) -> Message:
    def apply(unit: Any, envelope: Any) -> None:
        source = envelope.source
        unit.obtain(Conversation, "V1", source).add_utterance(
            source, username="customer", utterance="no", additional_data=object()
        )

    return doing(said(number), apply)


def refuse(monkeypatch: pytest.MonkeyPatch, servicing: Servicing, error: Exception, times: int) -> list[int]:
    """Let the store fail so often; the list grows by one at each try."""
    tries: list[int] = []
    store = servicing.store

    def failing(aggregates: Any, known_links: Any) -> Any:
        tries.append(len(aggregates))
        if len(tries) <= times:
            raise error
        return store(aggregates, known_links)

    monkeypatch.setattr(servicing, "store", failing)
    return tries


def test_an_empty_batch_opens_no_transaction() -> None:
    applied = apply_messages(Servicing.in_memory(), [], Event())
    assert (applied.stored, applied.position) == ([], None)


@pytest.mark.parametrize("place", range(4))
def test_event_that_cannot_be_stored_fails_alone_at_any_place(place: int) -> None:
    servicing = Servicing.in_memory()
    batch = [said(number) for number in range(3)]
    batch.insert(place, unstorable(9))
    applied = apply_messages(servicing, batch, Event())
    assert [each.envelope.source.message_id for each, _ in applied.failed] == ["id:e9"]
    assert heard(servicing) == ["0", "1", "2"]
    assert applied.position == servicing.max_position()


def test_a_rejection_by_a_command_is_listed_with_its_reason() -> None:
    why = RejectedError(Reason.MISSING_KEY, "cid", "absent")
    applied = apply_messages(Servicing.in_memory(), [said(1), raising(why)], Event())
    assert [found for _, found in applied.rejected] == [why]
    assert (len(applied.stored), applied.failed) == (1, [])


@pytest.mark.parametrize("error", [OperationalError("away"), sqlite3.OperationalError("disk I/O error")])
def test_failing_store_raises_and_no_message_is_marked_failed(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    servicing = Servicing.in_memory()
    refuse(monkeypatch, servicing, error, 1)
    with pytest.raises(EVENT_STORE_ERRORS):
        apply_messages(servicing, [said(1), said(2)], Event())
    assert heard(servicing) == []
    applied = apply_messages(servicing, [said(1), said(2)], Event())
    assert (heard(servicing), applied.failed) == (["1", "2"], []), "the same batch lands later"


def test_store_that_fails_while_loading_raises_too() -> None:
    servicing = Servicing.in_memory()
    with pytest.raises(PersistenceError):
        apply_messages(servicing, [said(1), raising(OperationalError("away"))], Event())
    assert heard(servicing) == []


def test_conflicts_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    servicing = Servicing.in_memory()
    tries = refuse(monkeypatch, servicing, RecordConflictError(), 3)
    applied = apply_messages(servicing, [said(1)], Event())
    assert (len(tries), len(applied.stored), heard(servicing)) == (4, 1, ["1"])


def test_endless_conflict_is_the_stores_fault_not_the_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    servicing = Servicing.in_memory()
    refuse(monkeypatch, servicing, RecordConflictError(), 1_000)
    stop = Event()
    stop.set()  # No waiting between the tries.
    with pytest.raises(PersistenceError):
        apply_messages(servicing, [said(1)], stop)


def test_conflict_on_one_aggregate_keeps_the_others(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    one, two = Servicing.from_url(url, cache=10), Servicing.from_url(url, cache=10)
    ann = message({"typ": "customer.created.v1", "id": "c1", "dat": {"customer_id": "C1"}})
    apply_messages(two, [said(1)], Event())
    apply_messages(one, [said(2), said(3, "V2")], Event())
    applied = apply_messages(two, [said(4), said(5, "V2"), ann, said(2)], Event())
    assert (len(applied.stored), applied.failed, applied.rejected) == (4, [], [])
    assert (heard(one, "V1"), heard(one, "V2")) == (["1", "2", "4"], ["3", "5"])
    assert two.load(Customer, "C1") is not None
    one.close()
    two.close()


@pytest.mark.parametrize("cache", [0, 10])
def test_event_that_cannot_be_read_fails_the_messages_of_its_aggregate_only(
    tmp_path: Path, cache: int
) -> None:
    """As one of a newer release: read when it is needed, or followed while its aggregate is cached."""
    path = tmp_path / "events.db"
    ours, theirs = (Servicing.from_url(f"sqlite:///{path}", cache=each) for each in (cache, 0))
    apply_messages(ours, [said(1), said(2, "V2")], Event())
    apply_messages(theirs, [said(3)], Event())
    with closing(sqlite3.connect(path)) as store:
        store.execute("UPDATE stored_events SET topic = 'app.aggregates:Newer' WHERE rowid = 5")
        assert store.total_changes == 1
        store.commit()
    applied = apply_messages(ours, [said(4), said(5, "V2"), said(6, "V3")], Event())
    assert [each.envelope.source.message_id for each, _ in applied.failed] == ["id:e4"]
    assert (len(applied.stored), heard(ours, "V2"), heard(ours, "V3")) == (2, ["2", "5"], ["6"])
    ours.close()
    theirs.close()
