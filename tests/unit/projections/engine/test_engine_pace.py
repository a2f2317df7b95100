"""How many events go into one write: few at first and after a failure, more while all is well."""

from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from app.aggregates import Customer
from app.event_store.application import Servicing
from app.projections.engine.documents import MongoDocumentStore
from app.projections.engine.projector import Projector
from app.projections.read_models.customers import Customers
from tests.support.data.given import absorb
from tests.support.data.mock_mongo import Database
from tests.support.data.projecting import On

CUSTOMERS = Customers()


@pytest.fixture
def engine() -> Projector:
    """Four hundred customers behind, by batches of ten."""
    servicing = Servicing.in_memory()
    absorb(servicing, [On(Customer, f"C{number}").verify_identity() for number in range(200)])
    assert servicing.max_position() == 400
    return Projector(CUSTOMERS, servicing, Database(), 10)  # type: ignore[arg-type]


def test_a_step_starts_with_one_batch_and_doubles_up_to_ten(engine: Projector) -> None:
    assert [engine.step() for _ in range(6)] == [10, 20, 40, 80, 100, 100]


def test_a_failed_step_is_repeated_with_one_batch(engine: Projector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where servers go away again and again, a large step would never come to its end."""
    assert [engine.step() for _ in range(3)] == [10, 20, 40]

    def away(*_: Any, **__: Any) -> None:
        raise AutoReconnect

    with monkeypatch.context() as patched:
        patched.setattr(MongoDocumentStore, "write", away)
        with pytest.raises(AutoReconnect):
            engine.step()
    assert [engine.step() for _ in range(3)] == [10, 20, 40]
    assert engine.database[CUSTOMERS.name].count_documents({}) > 0
