"""Migrations on a real server: idempotent, recorded, and their validators and indexes are there."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from bson import Decimal128
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, WriteError

from app.projections.migrations import MigrationError, all_migrations, migrate
from app.runtime.servers.embedded import die_with_parent
from tests.support.commands import ROOT, Billie
from tests.support.waiting import LONG_S

NewDatabase = Callable[[int], Database[dict[str, Any]]]
REPLICAS = 4


def made_of(database: Database[dict[str, Any]]) -> dict[str, Any]:
    """All collections, with their validators and indexes."""
    return {
        each["name"]: (each.get("options"), database[each["name"]].index_information())
        for each in database.list_collections()
    }


def test_each_migration_runs_once_and_is_recorded(mongo_db: Database[dict[str, Any]]) -> None:
    names = [migration.name for migration in all_migrations()]
    assert [each.name for each in migrate(mongo_db)] == names
    assert list(migrate(mongo_db)) == []
    assert [item["_id"] for item in mongo_db["migrations"].find().sort("_id")] == names
    indexes = [
        [field for field, _ in each["key"]] for each in mongo_db["loan-accounts"].index_information().values()
    ]
    assert sorted(indexes) == [
        ["_id"],
        ["_search"],
        ["accountNumber"],
        ["accountStatus", "createdAt", "_id"],
        ["createdAt", "_id"],
        ["customerId", "createdAt", "_id"],
        ["inArrears", "createdAt", "_id"],
        ["updatedAt", "_id"],
    ]


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
    by_creation = [("createdAt", 1), ("_id", 1)]
    keys = [each["key"] for each in notes.index_information().values()]
    for field in ("customerId", "loanAccountId", "noteType", "createdBy.id", "priority"):
        assert [(field, 1), *by_creation] in keys
    assert by_creation in keys
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


def test_an_index_of_another_name_is_accepted(mongo_db: Database[dict[str, Any]]) -> None:
    mongo_db["loan-accounts"].create_index("accountNumber", name="theirs")
    list(migrate(mongo_db))
    indexes = mongo_db["loan-accounts"].index_information()
    assert [name for name, each in indexes.items() if each["key"] == [("accountNumber", 1)]] == ["theirs"]


@pytest.mark.parametrize(
    ("keys", "options", "name"),
    [("month", {}, "accountNumber_1"), ("accountNumber", {"sparse": True}, "accountNumber_1")],
    ids=["our name, other keys", "our name and keys, other options"],
)
def test_a_conflicting_index_is_named_with_its_remedy(
    mongo_db: Database[dict[str, Any]], billie: Billie, keys: str, options: dict[str, Any], name: str
) -> None:
    mongo_db["loan-accounts"].create_index(keys, name=name, **options)
    refused = billie.end("migrate")
    assert refused.returncode == 1
    assert f"Collection loan-accounts has the index {name!r}" in refused.stderr
    assert 'getCollection("loan-accounts").dropIndex("accountNumber_1")' in refused.stderr
    assert "Traceback" not in refused.stderr
    mongo_db["loan-accounts"].drop_index(name)
    billie.run("migrate")


def test_edited_migration_is_refused(mongo_db: Database[dict[str, Any]], tmp_path: Path) -> None:
    step = tmp_path / "0001_first.py"
    step.write_text("def up(database):\n    pass\n")
    assert [each.name for each in migrate(mongo_db, tmp_path)] == ["0001_first"]
    step.write_text("def up(database):\n    return\n")
    with pytest.raises(MigrationError, match="0001_first"):
        list(migrate(mongo_db, tmp_path))


@pytest.fixture
def new_database(mongo_url: str, mongo_db: Database[dict[str, Any]]) -> Iterator[NewDatabase]:
    """Makes databases, each by a client of its own; those of the same number are the same one."""
    made: list[Database[dict[str, Any]]] = []

    def new(number: int) -> Database[dict[str, Any]]:
        client = MongoClient[dict[str, Any]](mongo_url)
        made.append(client[f"{mongo_db.name}-{number}"])
        return made[-1]

    yield new
    for database in made:
        database.client.drop_database(database.name)
        database.client.close()


def test_several_at_once_on_a_new_database_all_come_to_the_end(new_database: NewDatabase) -> None:
    """Each replica may run it before it starts. Without running again, they met on each of them."""
    names = [migration.name for migration in all_migrations()]
    list(migrate(new_database(0)))
    alone = made_of(new_database(0))
    for number in range(1, 9):
        at_once = Barrier(REPLICAS)

        def replica(database: Database[dict[str, Any]], at_once: Barrier = at_once) -> None:
            database.command("ping")
            at_once.wait(LONG_S)
            list(migrate(database))

        with ThreadPoolExecutor(REPLICAS) as replicas:
            list(replicas.map(replica, [new_database(number) for _ in range(REPLICAS)]))
        assert made_of(new_database(number)) == alone
        assert [each["_id"] for each in new_database(number)["migrations"].find().sort("_id")] == names


STARTED = """
import sys
from app.cli import main
from app.cli.commands import migrate
print("ready", flush=True)
sys.stdin.readline()
main.run()
"""
"""``billie migrate`` as a process that begins on a signal: starting takes longer than the work."""


def test_several_processes_at_once_all_exit_with_0(
    billie: Billie, mongo_db: Database[dict[str, Any]], new_database: NewDatabase
) -> None:
    list(migrate(new_database(0)))
    pipe = subprocess.PIPE
    with ExitStack() as running:
        replicas = [
            running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", STARTED, "migrate"],
                    cwd=ROOT,
                    env=os.environ | billie.environment,
                    stdin=pipe,
                    stdout=pipe,
                    stderr=pipe,
                    text=True,
                    preexec_fn=die_with_parent,
                )
            )
            for _ in range(REPLICAS)
        ]
        for replica in replicas:
            assert replica.stdout is not None
            assert replica.stdout.readline() == "ready\n"
        for replica in replicas:
            assert replica.stdin is not None
            replica.stdin.write("go\n")
            replica.stdin.flush()
        ended = [(replica.communicate(timeout=2 * LONG_S)[1], replica.returncode) for replica in replicas]
    assert ended == [("", 0)] * REPLICAS
    assert made_of(mongo_db) == made_of(new_database(0))


COLLIDES = """
def up(database):
    if "mine" not in database.list_collection_names():
        database["tries"].insert_one({})
        database["mine"].insert_one({})  # Another one makes it just now.
        database.create_collection("mine")
"""


def test_a_repeated_migration_accepts_a_concurrent_one(
    mongo_db: Database[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "0001_collides.py").write_text(COLLIDES)
    assert [each.name for each in migrate(mongo_db, tmp_path)] == ["0001_collides"]
    assert mongo_db["tries"].count_documents({}) == 1


def test_a_permanent_conflict_is_raised_and_not_recorded(
    mongo_db: Database[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "0001_collides.py").write_text(COLLIDES.replace('if "mine" not in', 'if "none" not in'))
    with pytest.raises(CollectionInvalid, match="mine already exists"):
        list(migrate(mongo_db, tmp_path))
    assert 2 < mongo_db["tries"].count_documents({}) < 10, "a few times"
    assert mongo_db["migrations"].count_documents({}) == 0
