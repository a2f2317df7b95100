"""Any entry of the stream becomes an event, an unknown type or a dead letter, never a crash."""

from threading import Event
from typing import Any

import bson
from hypothesis import given, settings
from hypothesis import strategies as st

from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import read_entry
from app.ingestion.messages.rejection import RejectedError
from app.ingestion.stream.apply import apply_messages
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from tests.support.data.mock_mongo import Database
from tests.support.wild import ENTRIES, Entry
from tests.unit.ingestion.entries import MAX_BYTES


@settings(max_examples=300)
@given(st.lists(ENTRIES, min_size=1, max_size=6))
def test_every_entry_ends_as_an_event_an_unknown_type_or_a_dead_letter(entries: list[Entry]) -> None:
    messages, unknown, dead = [], 0, 0
    for number, fields in enumerate(entries):
        try:
            message = read_entry("inbox", f"{1_772_300_000_000 + number}-0".encode(), dict(fields), MAX_BYTES)
        except RejectedError:
            dead += 1
            continue
        if message is None:
            unknown += 1
        else:
            messages.append(message)
    servicing = Servicing.in_memory()
    applied = apply_messages(servicing, messages, Event())
    assert applied.failed == []
    assert len(applied.stored) + len(applied.rejected) + unknown + dead == len(entries)
    database: Any = Database()
    for projection in all_projections(Settings()).values():
        engine = Projector(projection, servicing, database)
        while engine.step():
            pass
        for document in database[projection.name].find():
            bson.encode(document)
