"""Payloads that are nearly right: each key right, dirty or wild. They reach the aggregates' rules."""

import json
from threading import Event
from typing import Any

import bson
from hypothesis import given, settings
from hypothesis import strategies as st

from app.aggregates.base import Aggregate
from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import CATALOGUE, Message, read_entry
from app.ingestion.messages.rejection import RejectedError
from app.ingestion.stream.apply import apply_messages
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from tests.unit.ingestion.samples import CANDIDATES, filled

PROJECTIONS = all_projections(Settings())
WILD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 3),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["", " ", "\0", "nan", "1e999", "-0.00", "0001-01-01T00:00:00+14:00", "9999-12-31"]),
    st.sampled_from([10**25, -(2**63), 2**63, [], {}, [[]], [None], {"$a.b": {"": 1}}, [{}]]),
    st.sampled_from(CANDIDATES),
)
PAYMENTS = st.lists(
    st.fixed_dictionaries(
        {"payment_number": st.integers(0, 4), "status": st.sampled_from(["PAID", "PARTIAL", "MISSED"])},
        optional={
            "due_date": st.sampled_from(["2026-03-01", "0001-01-01", "9999-12-31"]),
            "amount": st.sampled_from(["0", "10.00", -5, 1e11]),
            "amountPaid": st.sampled_from(["0", "10.00", 999_999_999_999.99]),
            "linked_transaction_ids": WILD,
        },
    ),
    max_size=4,
)


def payloads(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    right = filled(CATALOGUE[kind])
    keys = {name: st.just(value) | st.just(value) | WILD for name, value in right.items()}
    if "payments" in keys:
        keys["payments"] = PAYMENTS
    required = {name for name, field in CATALOGUE[kind].model_fields.items() if field.is_required()}
    return st.fixed_dictionaries(
        {name: way for name, way in keys.items() if name in required},
        optional={name: way for name, way in keys.items() if name not in required}
        | {"timestamp": st.sampled_from(["2026-03-01T00:00:00Z", "2026-03-02", "9999-12-31T23:59:59Z"])}
        | {"$x.y": WILD, "a\0": WILD, "application_number": WILD},
    )


@st.composite
def entries(draw: st.DrawFn) -> dict[bytes, bytes]:
    kind = draw(st.sampled_from(sorted(CATALOGUE)))
    text = json.dumps(draw(payloads(kind)))
    if draw(st.integers(0, 19)) == 0:
        text = text.replace("ACTIVE", "\\ud800")
    return {b"typ": kind.encode(), b"cid": b"V1", b"usr": b"C1", b"dat": text.encode()}


def read_all(batch: list[dict[bytes, bytes]]) -> list[Message]:
    messages = []
    for number, fields in enumerate(batch):
        try:
            message = read_entry("inbox", f"{1_772_300_000_000 + number}-0".encode(), fields, 10_000)
        except RejectedError:
            continue
        assert message is not None
        messages.append(message)
    return messages


@settings(max_examples=300)
@given(st.lists(entries(), min_size=1, max_size=8))
def test_nearly_right_messages_land_fold_and_encode(batch: list[dict[bytes, bytes]]) -> None:
    messages = read_all(batch)
    servicing = Servicing.in_memory()
    applied = apply_messages(servicing, messages, Event())
    assert (applied.failed, applied.rejected) == ([], [])
    assert len(applied.stored) == len(messages)
    folded: dict[tuple[str, Any], Any] = {}
    for stored in servicing.recorder.select_notifications(1, 1_000):
        event: Any = servicing.mapper.to_domain_event(stored)
        assert isinstance(event, Aggregate.Event)
        for projection in PROJECTIONS.values():
            key = (projection.name, event.originator_id)
            folded[key] = projection.evolve(folded.get(key), event)
    for document in folded.values():
        if document is not None:
            bson.encode(document)
