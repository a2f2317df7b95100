"""Whatever is on the stream: an event, an unknown type or a dead letter, never a crash."""

import json
from threading import Event
from typing import Any

import bson
from hypothesis import given, settings
from hypothesis import strategies as st

from app.aggregates import Servicing
from app.ingestion.catalogue import CATALOGUE, read_entry
from app.ingestion.landing import land
from app.ingestion.unusable import Unusable
from app.projections.catalogue import all_projections
from app.projections.engine import Engine
from app.runtime.settings import Settings
from tests.mock_mongo import Database

NAMES = st.sampled_from(
    [
        *("account_id", "customer_id", "cid", "usr", "status", "current_balance", "payments", "dpd", "facts"),
        *("payment_number", "schedule_id", "customer", "utterance", "created_at", "timestamp", "decision"),
        *("changed_at", "$gt", "a.b", "residential_address", "amount", "due_date", "conversation_id"),
        *("loanAccountId", "requestedBy", "reason", "approvedBy", "new_status", "agentName", "blocked_until"),
    ]
)
NUMBERS = st.integers() | st.integers(-5, 5) | st.just(10**400) | st.floats()
WORDS = st.sampled_from(
    ["", "ACTIVE", "A.B", "2026-03-01", "2026-02-30T25:00", "0001-01-01T00:00:00+14:00", "1.50", "nan", "\0"]
)
SCALARS = st.none() | st.booleans() | NUMBERS | WORDS | st.text(max_size=6)
KEYS = NAMES | st.text(max_size=3)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
PAYLOADS = st.dictionaries(NAMES, VALUES, max_size=6).map(json.dumps)
TEXTS = st.one_of(
    PAYLOADS,
    PAYLOADS.map(lambda text: text.replace('"A.B"', '"\\ud800"')),
    st.just("[" * 2_000),
    WORDS,
    st.text(max_size=8),
).map(lambda text: text.encode(errors="replace")) | st.binary(max_size=8)
TYPES = st.sampled_from([kind.encode() for kind in CATALOGUE]) | st.binary(max_size=5)
FIELDS = (
    NAMES.map(str.encode) | st.sampled_from([b"event_id", b"cause", b"seq", b"rec"]) | st.binary(max_size=4)
)
ENTRIES = st.builds(
    lambda rest, kind, payload: rest | kind | payload,
    st.dictionaries(
        NAMES.map(str.encode)
        | st.sampled_from([b"event_id", b"cause", b"seq", b"rec"])
        | st.binary(max_size=4),
        TEXTS,
        max_size=4,
    ),
    st.fixed_dictionaries(
        {}, optional={b"typ": TYPES | TYPES | st.binary(max_size=5), b"cid": st.just(b"V1")}
    ),
    st.fixed_dictionaries({}, optional={b"dat": TEXTS}),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ENTRIES, min_size=1, max_size=6))
def test_every_entry_ends_as_an_event_an_unknown_type_or_a_dead_letter(
    entries: list[dict[bytes, bytes]],
) -> None:
    messages, unknown, dead = [], 0, 0
    for number, fields in enumerate(entries):
        try:
            message = read_entry("inbox", f"{1_772_300_000_000 + number}-0".encode(), fields, 10_000)
        except Unusable:
            dead += 1
            continue
        if message is None:
            unknown += 1
        else:
            messages.append(message)
    servicing = Servicing.in_memory()
    landing = land(servicing, messages, Event())
    assert landing.failed == []
    assert len(landing.landed) + len(landing.unusable) + unknown + dead == len(entries)
    database: Any = Database()
    for projection in all_projections(Settings()).values():
        engine = Engine(projection, servicing, database)
        while engine.step():
            pass
        for document in database[projection.name].find():
            bson.encode(document)
