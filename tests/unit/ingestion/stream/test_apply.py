"""A batch lands whole but for the messages that fail on their own."""

from pathlib import Path
from threading import Event
from typing import Any

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.ingestion.messages.rejection import Reason, RejectedError
from app.ingestion.stream.apply import apply_messages
from tests.unit.ingestion.entries import doing, heard, raising, said


def test_other_messages_are_stored_in_order_without_failed_ones() -> None:
    servicing = Servicing.in_memory()
    rejected = raising(RejectedError(Reason.MISSING_KEY, "cid", "absent"), 3)
    applied = apply_messages(
        servicing, [said(1), raising(ZeroDivisionError(), 2), rejected, said(4)], Event()
    )
    assert heard(servicing) == ["1", "4"]
    assert [each.envelope.source.message_id for each, _ in applied.failed] == ["id:e2"]
    assert [each.envelope.source.message_id for each, _ in applied.rejected] == ["id:e3"]


def test_a_command_that_fails_halfway_records_no_event() -> None:
    def halfway(unit: Any, envelope: Any) -> None:
        source = envelope.source
        unit.obtain(Conversation, "V1", source).add_utterance(source, username="customer", utterance="no")
        raise ZeroDivisionError

    servicing = Servicing.in_memory()
    apply_messages(servicing, [said(1), doing(said(2), halfway), said(3)], Event())
    assert heard(servicing) == ["1", "3"]


def test_message_sent_twice_in_one_batch_lands_once() -> None:
    servicing = Servicing.in_memory()
    applied = apply_messages(servicing, [said(1), said(1), said(2)], Event())
    assert (heard(servicing), len(applied.stored)) == (["1", "2"], 3)


def test_two_consumers_of_one_aggregate_both_land(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    one, two = Servicing.from_url(url, cache=10), Servicing.from_url(url, cache=10)
    for number in range(1, 9, 2):
        apply_messages(one, [said(number)], Event())
        applied = apply_messages(two, [said(number), said(number + 1)], Event())
        assert (len(applied.stored), applied.failed) == (2, [])
    assert heard(one) == [str(number) for number in range(1, 9)]
    one.close()
    two.close()
