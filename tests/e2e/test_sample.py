"""The sample of a lender's day through the commands, as a user runs them, twice."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bson import json_util
from pymongo import MongoClient
from pymongo.database import Database
from redis import Redis

from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.envelope import EXPLICIT_ID, entry_type
from app.ingestion.stream.publish import file_entries
from app.runtime.servers.embedded import embedded_mongo
from app.runtime.settings.settings import Settings
from tests.support.commands import ROOT, Billie
from tests.support.observed import FROM_MESSAGES, READ_MODELS, dead_letters, newest_position
from tools.lender_day import sample

SAMPLE = ROOT / "samples" / "lender-day.jsonl"
DOCUMENTS = ROOT / "samples" / "lender-day.documents.jsonl"
"""The documents of the sample, a JSON line each, without the projector's own fields. A time since the test
began is `AT_PUBLISHING`: a clock ahead counts as the time at which its entry came in."""
AT_PUBLISHING = {"$date": "at publishing"}


def test_the_committed_sample_is_current() -> None:
    assert list(file_entries(SAMPLE)) == sample()


def test_the_sample_holds_every_type_and_identities_of_their_own() -> None:
    entries = sample()
    kinds = {entry_type({k.encode(): v.encode() for k, v in entry.items()}) for entry in entries}
    assert set(CATALOGUE) <= kinds
    assert 2_000 <= len(entries) <= 3_000
    for entry in entries:
        if any(name in entry for name in ("event_type", "typ", "msg_type")):
            assert any(name in entry for name in (*EXPLICIT_ID, "cause"))


def test_a_second_run_changes_nothing_and_gives_the_committed_documents(
    billie: Billie,
    settings: Settings,
    redis_client: Redis,
    mongo_db: Database[dict[str, Any]],
    tmp_path: Path,
) -> None:
    began = _now()

    def everything() -> tuple[int, dict[str, list[dict[str, Any]]]]:
        return newest_position(settings), {
            name: list(mongo_db[name].find().sort("_id")) for name in READ_MODELS
        }

    billie.run("migrate")
    for again in (False, True):
        _through_the_commands(billie)
        if not again:
            first = everything()
    assert everything() == first
    events, documents = first
    assert events > 2_500
    assert all(len(documents[name]) >= 4 for name in FROM_MESSAGES)
    reasons = {each["reason"] for each in dead_letters(redis_client, settings)}
    assert reasons >= {"not_json", "missing_key", "no_type"}
    assert all(account.get("customerName") for account in documents["loan-accounts"])
    _are_the_committed_ones(mongo_db, tmp_path, began)


def test_the_embedded_server_gives_the_same_documents(
    settings: Settings, without_mongod: None, tmp_path: Path
) -> None:
    began = _now()
    server = embedded_mongo(tmp_path / "mongo", is_synced=False)
    try:
        billie = Billie.of(settings.model_copy(update={"mongo_url": server.url}))
        billie.run("migrate")
        _through_the_commands(billie)
        with MongoClient[dict[str, Any]](server.url, tz_aware=True) as client:
            _are_the_committed_ones(client[settings.mongo_db], tmp_path, began)
    finally:
        server.stop()


def _through_the_commands(billie: Billie) -> None:
    for command in (("publish", str(SAMPLE)), ("ingest", "--drain"), ("project", "--drain")):
        billie.run(*command)


def _now() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=1)  # Redis reads a clock of its own.


def _are_the_committed_ones(database: Database[dict[str, Any]], folder: Path, began: datetime) -> None:
    lines = [
        json.dumps(
            {"collection": name, "document": json.loads(json_util.dumps(_shown(document, began)))},
            sort_keys=True,
            ensure_ascii=False,
        )
        for name in sorted(READ_MODELS)
        for document in database[name].find().sort("_id")
    ]
    found = folder / DOCUMENTS.name
    found.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    different = set(lines) ^ set(DOCUMENTS.read_text(encoding="utf-8").splitlines())
    assert not different, f"{len(different)} lines differ. If that is meant: cp {found} {DOCUMENTS}"


def _shown(value: Any, began: datetime) -> Any:
    if isinstance(value, dict):
        return {
            key: _shown(each, began) for key, each in value.items() if not key.startswith("_") or key == "_id"
        }
    if isinstance(value, datetime) and value >= began:
        return AT_PUBLISHING
    return [_shown(each, began) for each in value] if isinstance(value, list) else value
