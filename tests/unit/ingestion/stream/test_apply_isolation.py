"""If a message of a batch fails, the others are applied as without it, each aggregate's in order."""

import json
from threading import Event
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from app.aggregates import Conversation, Customer
from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import Message
from app.ingestion.stream.apply import AppliedBatch, apply_messages
from tests.unit.ingestion.entries import doing, message

CHATS, CUSTOMERS = ("V0", "V1", "V2"), ("C0", "C1")


def utterance(number: int, chat: str, customer: str | None) -> Message:
    """Something said in a chat; with a customer, it also tells who they are."""
    entry = {"cid": chat, "event_id": str(number)}
    if customer is None:
        return message(entry | {"typ": "user_input", "utterance": str(number)})
    details = {"customer_id": customer, "first_name": f"Name {number}"}
    data = {"n": number, "customer": details}
    return message(entry | {"typ": "applicationDetail_changed", "dat": json.dumps(data)})


def failing(good: Message, *, halfway: bool) -> Message:
    """The same message, with a bug of ours in its way: before it does anything, or after all of it."""

    def apply(unit: Any, _envelope: Any) -> None:
        if halfway:
            good.apply(unit)
        raise ZeroDivisionError

    return doing(good, apply)


UTTERANCES = st.tuples(
    st.sampled_from(CHATS),
    st.none() | st.sampled_from(CUSTOMERS),
    st.sampled_from(("lands", "fails", "halfway")),
)


def events(servicing: Servicing) -> dict[str, list[Any]]:
    """What is stored of each aggregate, without when it was recorded."""
    kinds = [(Conversation, name) for name in CHATS] + [(Customer, name) for name in CUSTOMERS]
    return {
        name: [
            {key: value for key, value in vars(event).items() if key != "timestamp"}
            for event in servicing.events.get(kind.id_of(name))
        ]
        for kind, name in kinds
    }


@given(st.lists(UTTERANCES, max_size=25))
def test_a_failed_message_changes_no_aggregate(batch: list[tuple[str, str | None, str]]) -> None:
    good = [utterance(number, chat, customer) for number, (chat, customer, _) in enumerate(batch)]
    fates = [fate for _, _, fate in batch]
    mixed = [
        each if fate == "lands" else failing(each, halfway=fate == "halfway")
        for each, fate in zip(good, fates, strict=True)
    ]
    servicing, undisturbed = Servicing.in_memory(), Servicing.in_memory()
    applied = apply_messages(servicing, mixed, Event())
    apply_messages(
        undisturbed, [each for each, fate in zip(good, fates, strict=True) if fate == "lands"], Event()
    )
    assert events(servicing) == events(undisturbed)
    assert len(applied.stored) == fates.count("lands")
    assert len(applied.failed) == len(batch) - fates.count("lands")


def test_a_batch_of_which_many_fail_is_not_restarted_for_each() -> None:
    """600 of 2,000, in chats of their own: no more than one pass more."""
    batch = [utterance(number, f"V{number}", None) for number in range(2_000)]
    batch = [failing(each, halfway=True) if number < 600 else each for number, each in enumerate(batch)]
    with patch.object(AppliedBatch, "_apply_one", autospec=True, side_effect=AppliedBatch._apply_one) as one:
        applied = apply_messages(Servicing.in_memory(), batch, Event())
    assert (len(applied.stored), len(applied.failed)) == (1_400, 600)
    assert one.call_count == 2_000
