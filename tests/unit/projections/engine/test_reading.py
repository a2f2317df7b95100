"""A page holds what is asked for, passes over the rest, and says how far it truly looked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.aggregates import Conversation, Customer
from app.event_store.application import Servicing
from app.projections.engine.faults import Cause, ProjectionFault
from app.projections.engine.reading import EventReader
from app.projections.read_models.customers import Customers
from tests.support.data.given import Step, absorb, message

CUSTOMERS = Customers()


@pytest.fixture(params=["in memory", "SQLite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Servicing]:
    in_memory = request.param == "in memory"
    servicing = (
        Servicing.in_memory() if in_memory else Servicing.from_url(f"sqlite:///{tmp_path / 'events.db'}")
    )
    yield servicing
    servicing.close()


def say(number: int) -> Step:
    spoken = {"username": "customer", "utterance": "Hello"}
    return Step(Conversation, "CONV-1", "add_utterance", message(f"said-{number}", at=number), spoken)


def rename(number: int) -> Step:
    details = {"first_name": f"Ann {number}"}
    return Step(Customer, "CUS-1", "report_details", message(f"named-{number}", at=number), details)


def test_a_full_page_ends_at_its_last_event_and_any_other_at_the_newest(store: Servicing) -> None:
    """A customer's at 1, 2 and 5 (the first one registers them), a conversation's between and after."""
    absorb(store, [rename(1)])
    absorb(store, [say(1)])
    absorb(store, [rename(2), say(2)])
    reader = EventReader(store, CUSTOMERS.topics(), "customers")
    first = reader.page(0, 6, 2)
    assert ([envelope.position for envelope in first.events], first.reached) == ([1, 2], 2)
    rest = reader.page(2, 6, 2)
    assert ([envelope.position for envelope in rest.events], rest.reached) == ([5], 6)
    assert reader.page(0, 4, 9).reached == 4, "nothing beyond the position that was asked for"


def test_a_page_looks_through_a_bounded_part_of_the_store(store: Servicing) -> None:
    absorb(store, [say(number) for number in range(120)])
    absorb(store, [rename(1)])
    reader, newest = EventReader(store, CUSTOMERS.topics(), "customers"), store.max_position()
    pages = [reader.page(0, newest, 2)]
    while pages[-1].reached < newest:
        pages.append(reader.page(pages[-1].reached, newest, 2))
    assert [page.reached for page in pages] == [50, 100, newest]
    assert [len(page.events) for page in pages] == [0, 0, 2]


def test_large_events_make_short_pages_without_gaps(
    store: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    absorb(store, [rename(number) for number in range(40)])
    for module in ("app.event_store.sqlite", "app.projections.engine.reading"):
        monkeypatch.setattr(f"{module}.PAGE_BYTES", 1_000)
    reader, newest = EventReader(store, CUSTOMERS.topics(), "customers"), store.max_position()
    page, positions, longest = reader.page(0, newest, 30), [], 0
    while True:
        positions += [envelope.position for envelope in page.events]
        longest = max(longest, len(page.events))
        if page.reached >= newest:
            break
        page = reader.page(page.reached, newest, 30)
    assert positions == list(range(1, newest + 1))
    assert longest < 8, "some 250 bytes each"


def test_no_event_of_a_newer_release_is_skipped(store: Servicing, monkeypatch: pytest.MonkeyPatch) -> None:
    absorb(store, [rename(1), say(1)])
    known = "app.projections.engine.reading.known_topics"
    monkeypatch.setattr(known, lambda: frozenset(CUSTOMERS.topics()))
    reader = EventReader(store, CUSTOMERS.topics(), "customers")
    with pytest.raises(ProjectionFault, match=r"not know the event type Conversation\.Registered") as seen:
        reader.page(0, store.max_position(), 100)
    assert (seen.value.cause, seen.value.position) == (Cause.EVENT_TYPE_UNKNOWN, 3)
