"""The sample of a lender's day through the commands, as a user runs them, twice."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database
from redis import Redis

from app.aggregates import Servicing
from app.demo.sample import sample
from app.ingestion.catalogue import CATALOGUE
from app.ingestion.envelope import EXPLICIT_ID, entry_type
from app.ingestion.publish import read_entries
from app.runtime.settings import Settings

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "lender-day.jsonl"
READ_MODELS = ("customers", "loan-accounts", "conversations", "write-off-requests")


@pytest.fixture
def billie(environment: dict[str, str]) -> Any:
    def run(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "app.cli.main", *arguments],
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout

    return run


def test_the_committed_sample_is_the_one_that_is_made() -> None:
    with SAMPLE.open() as lines:
        assert list(read_entries(lines, "sample")) == sample()


def test_the_sample_holds_every_type_and_identities_of_their_own() -> None:
    entries = sample()
    kinds = {entry_type({k.encode(): v.encode() for k, v in entry.items()}) for entry in entries}
    assert set(CATALOGUE) <= kinds
    assert 1_900 <= len(entries) <= 2_200
    for entry in entries:
        if any(name in entry for name in ("event_type", "typ", "msg_type")):
            assert any(name in entry for name in (*EXPLICIT_ID, "cause"))


def test_twice_through_the_commands_changes_nothing(
    billie: Any, settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    def everything() -> tuple[int, dict[str, list[dict[str, Any]]]]:
        servicing = Servicing.from_url(settings.event_store_url)
        try:
            events = servicing.max_position()
        finally:
            servicing.close()
        return events, {name: list(mongo_db[name].find().sort("_id")) for name in READ_MODELS}

    billie("migrate")
    for again in (False, True):
        billie("publish", str(SAMPLE))
        billie("ingest", "--drain")
        billie("project", "--drain")
        if not again:
            first = everything()
    assert everything() == first
    events, documents = first
    assert events > 3_000
    assert all(len(documents[name]) >= 4 for name in READ_MODELS)
    letters: Any = redis_client.xrange(settings.dead_letter_stream)
    assert {fields[b"reason"] for _, fields in letters} >= {b"not_json", b"missing_key", b"no_type"}
    assert all(account.get("customerName") for account in documents["loan-accounts"])
