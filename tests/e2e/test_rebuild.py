"""``billie rebuild`` and ``billie verify`` as an operator runs them: killed, interrupted, resumed."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from app.projections.engine.positions import COLLECTION
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild.shadow import PREFIX, record_id
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.data.stored import live, store_backlog, stored_and_projected
from tests.support.waiting import LONG_S, until

Mongo = Database[dict[str, Any]]

ENTRIES = 4_000


def folded(database: Mongo) -> int:
    record = database[COLLECTION].find_one({"_id": record_id("conversations")}) or {}
    return int(record.get("folded", 0))


@pytest.fixture(scope="module")
def large(shared_settings: Settings, shared_db: Mongo) -> Billie:
    """Commands on a store that takes its time to be read, and documents that a test leaves as they were."""
    stored_and_projected(shared_settings, shared_db, ENTRIES)
    return Billie.of(shared_settings)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_rebuild_leaves_the_live_collection_and_resumes(
    large: Billie, shared_db: Mongo, tmp_path: Path, how: signal.Signals
) -> None:
    before = live(shared_db)
    with (tmp_path / "rebuild.log").open("w+") as log:
        rebuilding = large.start("rebuild", "conversations", "--all", log=log)
        until(lambda: rebuilding.poll() is not None or _shadow_has_documents(shared_db))
        assert rebuilding.poll() is None, log.seek(0) or log.read()
        os.kill(rebuilding.pid, how)
        assert rebuilding.wait(2 * LONG_S) == (1 if how == signal.SIGINT else -how)
        log.seek(0)
        said = log.read()
    assert live(shared_db) == before
    if how == signal.SIGINT:
        assert "Stopped. The live collections are unchanged." in said
        assert "rebuild of conversations stopped at position" in large.end("status").stdout
    assert "conversations:" in large.run("rebuild", "--all", "--resume")
    assert live(shared_db) == before
    assert "no differences" in large.run("verify")
    assert not [name for name in shared_db.list_collection_names() if name.startswith(PREFIX)]


def _shadow_has_documents(database: Mongo) -> bool:
    return folded(database) > 0 or database[PREFIX + "customers"].count_documents({}) > 0


def test_verify_finds_edited_and_missing_documents(
    settings: Settings, mongo_db: Mongo, billie: Billie
) -> None:
    stored_and_projected(settings, mongo_db, 600)
    before = live(mongo_db)
    edited, gone = sorted(before["customers"])[:2]
    mongo_db["customers"].update_one(
        {"_id": edited}, {"$set": {"firstName": "Edited"}, "$unset": {"flags": 1}}
    )
    mongo_db["customers"].delete_one({"_id": gone})
    mongo_db["customers"].insert_one({"_id": "nobody", "firstName": "Nobody"})
    found = billie.end("verify", "customers")
    assert found.returncode == 1
    assert f"customers {edited}: different, last touched at position" in found.stdout
    assert "firstName: should be" in found.stdout
    assert "is 'Edited'" in found.stdout
    assert f"customers {gone}: missing" in found.stdout
    assert "customers nobody: extra" in found.stdout
    lines = [json.loads(line) for line in billie.end("verify", "customers", "--json").stdout.splitlines()]
    differences = [each["difference"] for each in lines if "difference" in each]
    assert {each["id"]: each["kind"] for each in differences} == {
        edited: "different",
        gone: "missing",
        "nobody": "extra",
    }
    (outcome,) = [each["outcome"] for each in lines if "outcome" in each]
    assert (outcome["projection"], outcome["differences"], outcome["fixed"]) == ("customers", 3, 0)
    assert "3 documents corrected" in billie.run("verify", "customers", "--fix")
    assert live(mongo_db) == before
    assert "no differences" in billie.run("verify", "--sample", "50%")


def test_verify_agrees_while_events_come_in(
    settings: Settings, mongo_db: Mongo, billie: Billie, tmp_path: Path
) -> None:
    stored_and_projected(settings, mongo_db, 600)
    with (tmp_path / "project.log").open("w") as log:
        projecting = billie.start("project", log=log)
        until(lambda: mongo_db[COLLECTION].find_one({"lease.owner": {"$regex": "^project"}}) is not None)
        with ThreadPoolExecutor() as threads:
            verifying = [threads.submit(billie.end, "verify") for _ in range(2)]
            seed = 2
            while not all(each.done() for each in verifying):
                store_backlog(settings, 100, seed)
                seed += 1
        for each in verifying:
            said = each.result()
            assert (said.returncode, "no differences" in said.stdout) == (0, True), said
        projecting.terminate()
        assert projecting.wait(LONG_S) == 0


def test_dry_run_and_wrong_names(large: Billie) -> None:
    output = large.run("rebuild", "--all", "--dry-run")
    assert len(output.splitlines()) == len(all_projections(Settings()))
    assert "events to read" in output
    wrong = large.end("rebuild", "costumers")
    assert (wrong.returncode, "No read model costumers: there are customers" in wrong.stderr) == (2, True)
    nothing = large.end("rebuild")
    assert (nothing.returncode, "use --all" in nothing.stderr) == (2, True)
    away = Billie(large.environment | {"BILLIE_MONGO_URL": "mongodb://127.0.0.1:1"})
    gone = away.end("rebuild", "customers")
    assert (gone.returncode, "BILLIE_MONGO_URL" in gone.stderr) == (3, True)
