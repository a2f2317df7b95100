"""Events of an earlier version come back as those of today; those of a later one are refused.

The example: a release that kept how long a customer lived at an address as text, and one that keeps
months as a number.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import get_topic

from app.aggregates.base import Aggregate
from app.event_store.application import Servicing
from app.event_store.errors import NewerVersionError
from app.projections.engine.projection import Projection, on_event
from app.projections.engine.values import Document, put
from tests.support.data.given import message


class Tenancy(Aggregate):
    """Today's release."""

    class Reported(Aggregate.Event):
        months: int

        class_version = 2

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """``lived_there`` was ``"3 years"`` or ``"8 months"``."""
            number, unit = state.pop("lived_there").split()
            state["months"] = int(number) * (12 if unit == "years" else 1)

        def apply(self, aggregate: Any) -> None:
            aggregate.months = self.months


class Tenancies(Projection):
    name = "tenancies"
    own = (Tenancy,)

    @on_event
    def reported(self, document: Document, event: Tenancy.Reported) -> None:
        put(document, months=event.months)


TENANCIES = Tenancies()


@pytest.fixture
def servicing() -> Iterator[Servicing]:
    with_events = Servicing.in_memory()
    tenancy = Tenancy.register("T1", message("first"))
    tenancy.record(message("today"), Tenancy.Reported(months=7))
    with_events.store([tenancy])
    with_events.forget(tenancy)
    yield with_events
    with_events.close()


def stored_by(servicing: Servicing, version: int, **facts: Any) -> StoredEvent:
    """The event as a release of another version stored it."""
    (today,) = [each for each in servicing.page(0, 10, 10) if each.topic == get_topic(Tenancy.Reported)]
    state = servicing.mapper.transcoder.decode(today.state)  # type: ignore[attr-defined]
    del state["months"], state["class_version"]
    if version > 1:
        state["class_version"] = version
    state |= facts | {"message_id": f"of-version-{version}"}
    data = servicing.mapper.transcoder.encode(state)  # type: ignore[attr-defined]
    return StoredEvent(today.originator_id, today.originator_version + 1, today.topic, data)


def test_an_event_of_the_first_version_is_read_as_one_of_today(servicing: Servicing) -> None:
    servicing.recorder.insert_events([stored_by(servicing, 1, lived_there="3 years")])
    tenancy = servicing.load(Tenancy, "T1")
    assert tenancy is not None
    assert tenancy.months == 36  # type: ignore[attr-defined]
    document: Document | None = None
    for stored in servicing.recorded_of([(Tenancy, "T1")]):
        event = servicing.mapper.to_domain_event(StoredEvent(*stored[1:]))
        document = TENANCIES.evolve(document, event)
    assert document is not None
    assert document["months"] == 36


def test_stored_events_have_a_version(servicing: Servicing) -> None:
    (today,) = [each for each in servicing.page(0, 10, 10) if each.topic == get_topic(Tenancy.Reported)]
    assert b'"class_version":2' in today.state


def test_an_event_of_a_later_version_is_refused(servicing: Servicing) -> None:
    with pytest.raises(NewerVersionError, match="is of version 3, and this release knows 2"):
        servicing.mapper.to_domain_event(stored_by(servicing, 3, days=214))
