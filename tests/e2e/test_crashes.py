"""``kill -9`` in the middle of the sample, and a clean stop on SIGTERM: nothing lost, nothing twice."""

import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pymongo.database import Database
from redis import Redis

from app.ingestion.publish import publish_file
from app.runtime.settings import Settings
from tests.commands import ROOT, Billie
from tests.event_stores import NewStore
from tests.observed import HISTORIES, all_read, least_position, newest_position, pending
from tests.undisturbed import Seen, seen, undisturbed
from tests.waiting import until

SAMPLE = ROOT / "samples" / "lender-day.jsonl"
SMALL = {"BILLIE_INGEST_BATCH": "5", "BILLIE_PROJECT_BATCH": "20"}


@pytest.fixture
def quiet(settings: Settings, redis_client: Redis, new_store: NewStore) -> Iterator[Seen]:
    """What a quiet run makes of the sample, which is then on the stream for another group to read."""
    publish_file(redis_client, settings.inbox_stream, SAMPLE)
    with undisturbed(settings, redis_client, new_store()) as found:
        yield found


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
    quiet: Seen,
) -> None:
    progress = partial(newest_position, settings)
    cuts = cut_short(billie, "ingest", progress, partial(all_read, redis_client, settings))
    assert cuts >= 2, "the kills came too late to be in the middle"
    billie.run("ingest", "--drain")
    billie.run("project", "--drain")
    assert pending(redis_client, settings) == 0
    assert seen(mongo_db, redis_client, settings) == quiet
    billie.run("verify", *HISTORIES)


def test_kill_9_of_project(
    billie: Billie,
    settings: Settings,
    redis_client: Redis,
    mongo_db: Database[dict[str, Any]],
    quiet: Seen,
) -> None:
    billie.run("ingest", "--drain")
    newest = newest_position(settings)
    progress = partial(least_position, mongo_db)
    cuts = cut_short(billie, "project", progress, lambda: progress() == newest)
    assert cuts >= 2, "the kills came too late to be in the middle"
    billie.run("project", "--drain")
    assert seen(mongo_db, redis_client, settings) == quiet
    billie.run("verify", *HISTORIES)


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
        else (lambda: least_position(mongo_db) > 0)
    )
    child.send_signal(signal.SIGTERM)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 0, errors
    assert pending(redis_client, settings) == 0, "what was read is acknowledged"
