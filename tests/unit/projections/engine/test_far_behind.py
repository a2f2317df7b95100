"""A projection that is far behind folds ten batches into one write: the same documents, with fewer writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.aggregates import Customer
from app.event_store.application import Servicing
from app.projections.engine.documents import FAULTED
from app.projections.engine.projector import Projector
from app.projections.read_models.customers import Customers
from tests.support.data.given import Step, absorb, message
from tests.support.data.mock_mongo import Database

CUSTOMERS = Customers()


@pytest.fixture
def store() -> Iterator[Servicing]:
    """Thirty names of each of three customers, in turns: 93 events."""
    servicing = Servicing.in_memory()
    absorb(servicing, [rename(f"C{each}", number) for number in range(30) for each in range(3)])
    yield servicing
    servicing.close()


def rename(customer: str, number: int) -> Step:
    source = message(f"{customer}-{number}", at=number)
    return Step(Customer, customer, "report_details", source, {"first_name": f"Ann {number}"})


@contextmanager
def failing_at(name: str) -> Iterator[None]:
    handlers = CUSTOMERS._handlers
    well = handlers[Customer.NameChanged]

    def ill(projection: Customers, document: dict[str, Any], event: Any) -> None:
        if event.first_name == name and event.business_id == "C1":
            raise ValueError(name)
        well(projection, document, event)

    handlers[Customer.NameChanged] = ill
    try:
        yield
    finally:
        handlers[Customer.NameChanged] = well


def followed(store: Servicing, batch: int) -> tuple[dict[str, Any], int, Projector]:
    database = Database()
    engine = Projector(CUSTOMERS, store, database, batch)  # type: ignore[arg-type]
    steps = 0
    while engine.step():
        steps += 1
    return {each["_id"]: each for each in database["customers"].find()}, steps, engine


def test_large_steps_give_the_same_documents(store: Servicing) -> None:
    at_once, one_step, _ = followed(store, 100)
    in_steps, steps, _ = followed(store, 4)
    assert in_steps == at_once
    assert at_once["C1"]["firstName"] == "Ann 29"
    assert (one_step, steps) == (1, 5), "and not 24"


def test_a_document_that_fails_in_a_later_batch_keeps_its_earlier_events(store: Servicing) -> None:
    with failing_at("Ann 20"):
        documents, _, engine = followed(store, 4)
    assert documents["C0"]["firstName"] == documents["C2"]["firstName"] == "Ann 29"
    assert documents["C1"]["firstName"] == "Ann 19"
    assert documents["C1"][FAULTED]["position"] == documents["C1"]["_position"]
    assert engine.position() == store.max_position()
