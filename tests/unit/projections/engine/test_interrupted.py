"""A run that ends at any write, and one that goes on from the stored position, come to the same documents."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.event_store.application import Servicing
from app.projections.engine.projection import Projection
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from tests.support.data.mock_mongo import BlownError, Database, Fuse
from tests.support.data.random_events import documents, fold, stored

PROJECTIONS = all_projections(Settings())
WITH_LOOKUPS = [name for name, projection in PROJECTIONS.items() if projection.lookup is not None]


def undisturbed(projection: Projection, servicing: Servicing, batch: int) -> tuple[Any, int]:
    """The documents, and how many writes it took."""
    database = Database()
    fold(projection, servicing, database, batch)
    return documents(projection, database), database.fuse.used


def cut_short(projection: Projection, servicing: Servicing, database: Database, batch: int) -> None:
    with pytest.raises(BlownError):
        fold(projection, servicing, database, batch)


@pytest.mark.parametrize("name", WITH_LOOKUPS)
def test_an_interruption_before_any_write_changes_no_result(name: str) -> None:
    projection, servicing = PROJECTIONS[name], stored(7, 70)
    expected, writes = undisturbed(projection, servicing, 40)
    assert len(expected) > 1
    for survive in range(writes):
        database = Database()
        database.fuse = Fuse(survive, Random(survive))
        cut_short(projection, servicing, database, 40)
        database.fuse = Fuse()
        fold(projection, servicing, database, 40)
        assert documents(projection, database) == expected, f"cut short before write {survive}"


@settings(max_examples=40)
@given(st.data(), st.sampled_from(WITH_LOOKUPS), st.integers(0, 2**32))
def test_cut_short_again_and_again_in_other_batches(data: st.DataObject, name: str, seed: int) -> None:
    projection, servicing = PROJECTIONS[name], stored(seed, 50)
    expected, writes = undisturbed(projection, servicing, 1_000)
    database = Database()
    for _ in range(data.draw(st.integers(1, 4), "times cut short")):
        database.fuse = Fuse(data.draw(st.integers(0, max(writes - 1, 0)), "writes"), Random(seed))
        try:
            fold(projection, servicing, database, data.draw(st.integers(1, 60), "batch"))
        except BlownError:
            continue
    database.fuse = Fuse()
    fold(projection, servicing, database, 25)
    assert documents(projection, database) == expected


@pytest.mark.parametrize("name", WITH_LOOKUPS)
def test_after_an_interruption_a_document_says_what_its_events_up_to_its_position_say(name: str) -> None:
    """Event by event: a verification meanwhile finds no difference."""
    projection, servicing = PROJECTIONS[name], stored(7, 70)
    truth: dict[tuple[str, int], Any] = {}
    database = Database()
    _, writes = undisturbed(projection, servicing, 40)
    for _ in one_by_one(projection, servicing, database):
        truth |= {(each["_id"], each["_position"]): each for each in database[name].find()}
    for survive in range(writes):
        database = Database()
        database.fuse = Fuse(survive, Random(survive))
        cut_short(projection, servicing, database, 40)
        database.fuse = Fuse()
        for _ in one_by_one(projection, servicing, database):
            for each in database[name].find():
                assert each == truth[each["_id"], each["_position"]], f"cut short before write {survive}"


def one_by_one(projection: Projection, servicing: Servicing, database: Database) -> Iterator[int]:
    """Fold the events that are left, each alone: a worker's first batch is one page."""
    while moved := Projector(projection, servicing, database, batch=1).step():  # type: ignore[arg-type]
        yield moved
