"""What analysts find on a real server: documents as described, validators that agree, a role to read them."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.database import Database

from app.projections.jobs.jobs import JobKind, Jobs
from app.projections.migrations import migrate
from tests.support.data.dictionary import FIELDS, faults
from tests.support.servers.secured import constant
from tests.unit.projections.dictionary.events import everything
from tests.unit.projections.read_models.test_properties import project


@pytest.fixture(scope="module")
def projected(shared_db: Database[dict[str, Any]]) -> Database[dict[str, Any]]:
    list(migrate(shared_db))
    project(everything(), shared_db, 1_000)
    Jobs(shared_db).ask(JobKind.VERIFY, ("customers",), {"id": "ada", "role": "admin"})
    return shared_db


def test_the_role_reads_exactly_the_public_collections(projected: Database[dict[str, Any]]) -> None:
    names = projected.list_collection_names()
    private = {name for name in names if name.startswith("_")}
    assert private == {
        "_loan-accounts.customers",
        "_write-off-requests.accounts",
        "_portfolio-daily.accounts",
        "_customer-timeline.links",
    }
    assert set(constant("analyst.js", "COLLECTIONS")) == set(names) - private
    assert all(projected[name].find_one() for name in constant("analyst.js", "COLLECTIONS"))


@pytest.mark.parametrize("name", FIELDS)
def test_documents_are_stored_as_described(name: str, projected: Database[dict[str, Any]]) -> None:
    documents = list(projected[name].find())
    assert documents
    for document in documents:
        assert faults(name, document) == [], document["_id"]


@pytest.mark.parametrize("name", FIELDS)
def test_a_validator_demands_what_is_described(name: str, projected: Database[dict[str, Any]]) -> None:
    [found] = projected.list_collections(filter={"name": name})
    demands = dict(_demands(found["options"]["validator"]["$jsonSchema"], ""))
    assert len(demands) > 5
    for path, demand in demands.items():
        described = FIELDS[name][path]
        assert demand == (sorted(described.values) if isinstance(demand, list) else described.type), path


def _demands(schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Of each field: its words where all are named, else its type."""
    for name, rule in schema.get("properties", {}).items():
        kind = rule.get("bsonType")
        if kind == "array":
            rule = rule["items"]
            kind = f"array of {rule['bsonType']}"
        elif kind == ["int", "long"]:
            kind = "int"
        elif "pattern" in rule:
            kind = "YYYY-MM-DD"
        yield prefix + name, sorted(rule["enum"]) if "enum" in rule else kind
        yield from _demands(rule, f"{prefix}{name}.")
