"""``kill -9`` in the middle of the sample, and a clean stop on SIGTERM: nothing lost, nothing twice."""

import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from redis import Redis

from app.ingestion.publish import publish_file
from app.runtime.settings import Settings
from tests.commands import ROOT, Billie
from tests.observed import READ_MODELS, dead_letters, documents, newest_position, pending
from tests.waiting import until

SAMPLE = ROOT / "samples" / "lender-day.jsonl"
SMALL = {"BILLIE_INGEST_BATCH": "5", "BILLIE_PROJECT_BATCH": "20"}

Seen = tuple[dict[str, list[dict[str, Any]]], list[tuple[str, str, str]]]


def seen(database: Database[dict[str, Any]], client: Redis, settings: Settings) -> Seen:
    letters = [(each["entry_id"], each["reason"], each["path"]) for each in dead_letters(client, settings)]
    return documents(database), letters


@pytest.fixture
def undisturbed(billie: Billie, settings: Settings, redis_client: Redis, tmp_path: Path) -> Iterator[Seen]:
    """What a quiet run makes of the sample, which is then on the stream for another group to read."""
    publish_file(redis_client, settings.inbox_stream, SAMPLE)
    quiet = {
        "consumer_group": "quiet",
        "dead_letter_stream": "dlq:quiet",
        "mongo_db": f"{settings.mongo_db}-quiet",
        "event_store_url": f"sqlite:///{tmp_path / 'quiet.db'}",
    }
    runner = Billie({**billie.environment, **{f"BILLIE_{k.upper()}": v for k, v in quiet.items()}})
    runner.run("ingest", "--drain")
    runner.run("project", "--drain")
    with MongoClient[dict[str, Any]](settings.mongo_url, tz_aware=True) as client:
        database = client[quiet["mongo_db"]]
        yield seen(database, redis_client, settings.model_copy(update=quiet))
        client.drop_database(database)


def cut_short(billie: Billie, verb: str, progress: Callable[[], int], done: Callable[[], bool]) -> int:
    """``kill -9`` a role four times, each once it got somewhere; how often it was in the middle."""
    count = 0
    for _ in range(4):
        before = progress()
        child = billie.start(verb, **SMALL)
        until(lambda before=before: progress() > before or done())
        child.kill()
        child.communicate()
        count += not done()
    return count


def test_kill_9_of_ingest(
    billie: Billie,
    settings: Settings,
    redis_client: Redis,
    mongo_db: Database[dict[str, Any]],
    undisturbed: Seen,
) -> None:
    progress = partial(newest_position, settings)
    cuts = cut_short(billie, "ingest", progress, partial(_all_read, redis_client, settings))
    assert cuts >= 2, "the kills came too late to be in the middle"
    billie.run("ingest", "--drain")
    billie.run("project", "--drain")
    assert pending(redis_client, settings) == 0
    assert seen(mongo_db, redis_client, settings) == undisturbed


def test_kill_9_of_project(
    billie: Billie,
    settings: Settings,
    redis_client: Redis,
    mongo_db: Database[dict[str, Any]],
    undisturbed: Seen,
) -> None:
    billie.run("ingest", "--drain")
    newest = newest_position(settings)
    progress = partial(_least_position, mongo_db)
    cuts = cut_short(billie, "project", progress, lambda: progress() == newest)
    assert cuts >= 2, "the kills came too late to be in the middle"
    billie.run("project", "--drain")
    assert seen(mongo_db, redis_client, settings) == undisturbed


@pytest.mark.parametrize("verb", ["ingest", "project"])
def test_sigterm_finishes_what_is_in_hand(
    verb: str, billie: Billie, settings: Settings, redis_client: Redis, mongo_db: Database[dict[str, Any]]
) -> None:
    publish_file(redis_client, settings.inbox_stream, SAMPLE)
    if verb == "project":
        billie.run("ingest", "--drain")
    child = billie.start(verb, **SMALL)
    until(
        (lambda: newest_position(settings) > 0)
        if verb == "ingest"
        else (lambda: _least_position(mongo_db) > 0)
    )
    child.send_signal(signal.SIGTERM)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 0, errors
    assert pending(redis_client, settings) == 0, "what was read is acknowledged"


def _all_read(client: Redis, settings: Settings) -> bool:
    groups: Any = client.xinfo_groups(settings.inbox_stream)
    last: Any = client.xinfo_stream(settings.inbox_stream)["last-generated-id"]
    mine = [group for group in groups if group["name"].decode() == settings.consumer_group]
    return bool(mine) and mine[0]["last-delivered-id"] == last


def _least_position(database: Database[dict[str, Any]]) -> int:
    positions = [item["position"] for item in database["projection-positions"].find()]
    return min(positions) if len(positions) == len(READ_MODELS) else 0
