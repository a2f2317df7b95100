"""Migrations on a real server: idempotent, recorded, and their validators and indexes are there."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import Decimal128
from pymongo.database import Database
from pymongo.errors import WriteError

from app.projections.migrations import ChangedMigrationError, all_migrations, migrate


def test_each_runs_once_and_is_recorded(mongo_db: Database[dict[str, Any]]) -> None:
    names = [migration.name for migration in all_migrations()]
    assert [each.name for each in migrate(mongo_db)] == names
    assert list(migrate(mongo_db)) == []
    assert [item["_id"] for item in mongo_db["migrations"].find().sort("_id")] == names
    indexes = mongo_db["loan-accounts"].index_information()
    lists = ("accountNumber", "accountStatus_oldest", "customerId_oldest", "least_updated", "oldest")
    assert sorted(indexes) == ["_id_", *lists, "search"]


def test_running_again_after_a_crash_before_recording_is_harmless(mongo_db: Database[dict[str, Any]]) -> None:
    list(migrate(mongo_db))
    mongo_db["migrations"].delete_many({})
    assert len(list(migrate(mongo_db))) == len(all_migrations())


def test_validator_refuses_money_that_is_no_decimal(mongo_db: Database[dict[str, Any]]) -> None:
    list(migrate(mongo_db))
    good = {"_id": "L1", "balances": {"currentBalance": Decimal128("1.00")}, "_position": 1}
    mongo_db["loan-accounts"].insert_one(good | {"createdAt": datetime.now(UTC)})
    with pytest.raises(WriteError):
        mongo_db["loan-accounts"].insert_one({"_id": "L2", "balances": {"currentBalance": 1.0}})


def test_notes_have_a_validator_and_indexes_of_their_own(mongo_db: Database[dict[str, Any]]) -> None:
    list(migrate(mongo_db))
    notes = mongo_db["contact-notes"]
    fields = ("customerId", "loanAccountId", "noteType", "createdBy_id", "priority")
    assert set(notes.index_information()) == {"_id_", "oldest", *(f"{field}_oldest" for field in fields)}
    assert all(
        direction == 1 for each in notes.index_information().values() for _, direction in each["key"]
    ), "for the reason in 0003"
    good = {
        "_id": "N1",
        "customerId": "C1",
        "noteType": "sms",
        "subject": "Hello",
        "content": "Hi.",
        "priority": "normal",
        "sentiment": "neutral",
        "createdBy": {"id": "ann"},
        "createdAt": datetime.now(UTC),
        "status": "active",
    }
    notes.insert_one(good)
    for wrong in ({"noteType": "telegram"}, {"createdBy": {}}, {"createdAt": "today"}, {"priority": None}):
        with pytest.raises(WriteError):
            notes.insert_one(good | {"_id": "N2"} | wrong)
    for name in good.keys() - {"_id"}:
        with pytest.raises(WriteError):
            notes.insert_one({field: value for field, value in good.items() if field != name} | {"_id": "N3"})


@pytest.mark.parametrize(
    "name", ["customers", "loan-accounts", "conversations", "write-off-requests", "ledger-commands"]
)
def test_every_list_has_an_index_for_each_order(name: str, mongo_db: Database[dict[str, Any]]) -> None:
    list(migrate(mongo_db))
    keys = [each["key"] for each in mongo_db[name].index_information().values()]
    for field in ("createdAt", "updatedAt"):
        assert [(field, 1), ("_id", 1)] in keys


def test_edited_migration_is_refused(mongo_db: Database[dict[str, Any]], tmp_path: Path) -> None:
    step = tmp_path / "0001_first.py"
    step.write_text("def up(database):\n    pass\n")
    assert [each.name for each in migrate(mongo_db, tmp_path)] == ["0001_first"]
    step.write_text("def up(database):\n    return\n")
    with pytest.raises(ChangedMigrationError, match="0001_first"):
        list(migrate(mongo_db, tmp_path))
