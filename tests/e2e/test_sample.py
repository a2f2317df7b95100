"""The sample of a lender's day through the commands, as a user runs them, twice."""

from typing import Any

from pymongo.database import Database
from redis import Redis

from app.demo.sample import sample
from app.ingestion.catalogue import CATALOGUE
from app.ingestion.envelope import EXPLICIT_ID, entry_type
from app.ingestion.publish import read_entries
from app.runtime.settings import Settings
from tests.commands import ROOT, Billie
from tests.observed import FROM_MESSAGES, READ_MODELS, dead_letters, newest_position

SAMPLE = ROOT / "samples" / "lender-day.jsonl"


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
    billie: Billie, settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    def everything() -> tuple[int, dict[str, list[dict[str, Any]]]]:
        return newest_position(settings), {
            name: list(mongo_db[name].find().sort("_id")) for name in READ_MODELS
        }

    billie.run("migrate")
    for again in (False, True):
        billie.run("publish", str(SAMPLE))
        billie.run("ingest", "--drain")
        billie.run("project", "--drain")
        if not again:
            first = everything()
    assert everything() == first
    events, documents = first
    assert events > 3_000
    assert all(len(documents[name]) >= 4 for name in FROM_MESSAGES)
    reasons = {letter["reason"] for letter in dead_letters(redis_client, settings)}
    assert reasons >= {"not_json", "missing_key", "no_type"}
    assert all(account.get("customerName") for account in documents["loan-accounts"])
