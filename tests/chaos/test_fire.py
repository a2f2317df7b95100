"""One backlog under fire: nothing lost, nothing twice, and the documents are those of a quiet run."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from redis import Redis

from app.runtime.embedded import embedded_mongo, embedded_redis
from app.runtime.settings import Settings
from tests.accounts import accounts
from tests.chaos.backlog import backlog
from tests.chaos.fire import Fire, Scene
from tests.chaos.roles import Role
from tests.chaos.stores import store_under_fire
from tests.commands import Billie
from tests.event_stores import NewStore
from tests.observed import HISTORIES
from tests.undisturbed import differences, seen, undisturbed
from tests.waiting import until

CUSTOMERS = 220
SMALL = {"ingest_batch": 5, "project_batch": 20, "claim_idle_ms": 500}
"""So that there are many moments to be killed at, and the consumers take over from each other."""


@pytest.fixture
def scene(tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Scene]:
    """Servers of this test's own, two consumers and two projectors."""
    with ExitStack() as running:
        store = running.enter_context(store_under_fire(pytestconfig.getoption("--event-store"), tmp_path))
        redis = embedded_redis(tmp_path / "redis", sync_always=True)
        running.callback(redis.stop)
        mongo = embedded_mongo(tmp_path / "mongo")
        running.callback(mongo.stop)
        settings = Settings(
            redis_url=redis.url, mongo_url=mongo.url, mongo_db="fire", event_store_url=store.url
        )
        client = running.enter_context(Redis.from_url(redis.url, protocol=2))
        database = running.enter_context(MongoClient[dict[str, Any]](mongo.url, tz_aware=True))["fire"]
        client.xgroup_create(settings.inbox_stream, settings.consumer_group, id="0", mkstream=True)
        Billie.of(settings).run("migrate")
        billie = Billie.of(settings.model_copy(update=SMALL))
        roles = []
        for verb, server in (("ingest", redis), ("project", mongo)):
            for number in ("one", "two"):
                started = store.writer_started if verb == "ingest" else lambda _pid: None
                role = Role(f"{verb}-{number}", verb, billie, server, tmp_path, started)
                roles.append(role)
                running.callback(role.abandon)
        yield Scene(settings, redis, mongo, store, client, database, roles)


def test_backlog_under_fire_ends_as_undisturbed(
    scene: Scene, new_store: NewStore, pytestconfig: pytest.Config
) -> None:
    seed = pytestconfig.getoption("seed")
    again = f"pytest tests/chaos -s --seed {seed} makes the same strikes"
    sys.stdout.write(f"\n{again}\n")
    entries = backlog(seed, CUSTOMERS)
    fire = Fire(scene, seed)
    kills, each_server = pytestconfig.getoption("kills"), pytestconfig.getoption("server_kills")
    fire.burn(entries, kills, each_server)
    until(lambda: not scene.unread_or_pending(), 60, f"all entries to be settled; {again}")
    until(lambda: not scene.unfolded(), 60, f"all events to be folded; {again}")
    for role in scene.roles:
        role.stop()

    sent = [dict(fields) for _, fields in scene.client.xrange(scene.settings.inbox_stream)]
    assert len(sent) == len(entries), "Redis lost what it had acknowledged"
    found = accounts(scene.client, scene.settings)
    sys.stdout.write(f"struck {dict(fire.struck)}\nat work {dict(fire.at_work)}\n")
    sys.stdout.write(f"in a batch {fire.in_a_batch}\n{found}\n")
    assert found.dead > 0
    assert found.unknown > 0
    assert found.repeats > 0
    assert scene.store.whole()
    under_fire = seen(scene.database, scene.client, scene.settings)
    with undisturbed(scene.settings, scene.client, new_store()) as quiet:
        assert differences(under_fire, quiet) == [], again
    Billie.of(scene.settings).run("verify", *HISTORIES)
    assert fire.at_work["ingest"] + fire.at_work["project"] >= kills * 5 // 6, (fire.struck, fire.at_work)
    assert fire.in_a_batch >= kills // 12
    for server in ("redis", "mongo", "store"):
        assert fire.at_work[server] >= each_server * 5 // 6, (fire.struck, fire.at_work)
