"""The data dictionary: current, whole, and true of every document that the projections write."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128

from app.event_store.application import Servicing
from app.projections.read_models.catalogue import COLLECTIONS, all_projections
from app.projections.read_models.versions import VERSIONS
from app.runtime.settings.settings import Settings
from tests.support.commands import ROOT
from tests.support.data.dictionary import FIELDS, faults, paths
from tests.support.data.mock_mongo import Database
from tests.unit.projections.dictionary.events import everything
from tests.unit.projections.read_models.test_properties import project
from tools.pages.dictionary_page import PAGE, ROLE, generated

PROJECTIONS = all_projections(Settings())


@pytest.fixture(scope="module")
def servicing() -> Servicing:
    return everything()


@pytest.fixture(scope="module")
def documents(servicing: Servicing) -> dict[str, list[dict[str, Any]]]:
    database: Any = Database()
    project(servicing, database, 1_000)
    return {name: list(database[name].find()) for name in PROJECTIONS}


def test_the_committed_dictionary_is_current() -> None:
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in (PAGE, ROLE)}
    for path, text in generated(texts[PAGE], texts[ROLE]).items():
        assert texts[path] == text, f"{path}: run `make dictionary`"


def test_every_projected_collection_has_a_model() -> None:
    assert list(COLLECTIONS) == list(PROJECTIONS)


def test_the_light_table_names_every_read_model_and_its_version() -> None:
    assert {name: each.version for name, each in PROJECTIONS.items()} == VERSIONS
    assert list(VERSIONS) == list(PROJECTIONS)


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_field_is_described(name: str) -> None:
    for field in FIELDS[name].values():
        assert field.description.endswith("."), field.path
        assert "|" not in field.description, "a table cell cannot hold it"


@pytest.mark.parametrize("name", COLLECTIONS)
def test_documents_match_the_dictionary(name: str, documents: dict[str, list[dict[str, Any]]]) -> None:
    assert documents[name]
    for document in documents[name]:
        assert faults(name, document) == [], document["_id"]


@pytest.mark.parametrize("name", [name for name, projection in PROJECTIONS.items() if projection.own])
def test_documents_match_the_dictionary_after_each_event(name: str, servicing: Servicing) -> None:
    projection, known, seen = PROJECTIONS[name], dict[str, Any](), 0
    for notification in servicing.recorder.select_notifications(1, 100_000, topics=projection.topics()):
        event: Any = servicing.mapper.to_domain_event(notification)
        if not projection.is_own(event):
            continue  # It tells a loan account its customer's name, which the test above sees.
        document = projection.evolve(known.get(event.business_id), event)
        if document is not None:
            known[event.business_id] = document
            whole = {"_id": event.business_id, **document}
            projection.finish(whole)
            assert faults(name, whole) == [], event
            seen += 1
    assert seen > len(known) > 0


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_field_is_written_by_some_event(name: str, documents: dict[str, list[dict[str, Any]]]) -> None:
    written = set[str]().union(*(paths(name, document) for document in documents[name]))
    assert sorted(FIELDS[name].keys() - written) == []


STAMPS = {"createdAt": datetime(2026, 3, 1, tzinfo=UTC), "updatedAt": datetime(2026, 3, 1, tzinfo=UTC)}
GOOD = {
    "_id": "L1",
    "loanAccountId": "L1",
    "_position": 7,
    "accountStatus": "active",
    "balances": {"currentBalance": Decimal128("1.00")},
    "repaymentSchedule": {"payments": [{"paymentNumber": 1, "dueDate": "2026-03-15"}]},
} | STAMPS


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("colour", "red", "colour is not in the dictionary"),
        ("balances.rest", Decimal128("1.00"), "balances.rest is not in the dictionary"),
        ("balances.currentBalance", 1.0, "balances.currentBalance is float, and not decimal"),
        ("accountStatus", "asleep", "accountStatus is asleep, and none of its words"),
        ("customerId", None, "customerId is NoneType, and not string"),
        ("createdAt", "2026-03-01", "createdAt is string, and not date"),
        (
            "repaymentSchedule.payments",
            [{"dueDate": "2026-03-15"}],
            "repaymentSchedule.payments.paymentNumber is not always there",
        ),
        (
            "repaymentSchedule.payments",
            [{"paymentNumber": 1, "dueDate": "15/3"}],
            "repaymentSchedule.payments.dueDate is no YYYY-MM-DD",
        ),
    ],
)
def test_a_deviation_from_the_dictionary_is_found(path: str, value: Any, fault: str) -> None:
    assert faults("loan-accounts", GOOD) == []
    document: dict[str, Any] = copy.deepcopy(GOOD)
    *parents, name = path.split(".")
    inner = document
    for parent in parents:
        inner = inner[parent]
    inner[name] = value
    assert faults("loan-accounts", document) == [fault]
