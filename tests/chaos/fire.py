"""The fire: a seeded schedule of strikes at processes and servers while a backlog is worked on."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Event
from typing import Any

from pymongo.database import Database
from redis import Redis

from app.demo.publishers import Entry
from app.ingestion.publish import publish
from app.runtime.embedded import EmbeddedServer
from app.runtime.settings import Settings
from tests.chaos.roles import Role
from tests.chaos.stores import StoreUnderFire
from tests.observed import all_read, least_position, newest_position, pending
from tests.waiting import until

_LOOKS = 200


@dataclass
class Scene:
    """What is under fire."""

    settings: Settings
    redis: EmbeddedServer
    mongo: EmbeddedServer
    store: StoreUnderFire
    client: Redis
    database: Database[dict[str, Any]]
    roles: Sequence[Role]

    def unread_or_pending(self) -> bool:
        """Whether consumers have work."""
        return not all_read(self.client, self.settings) or pending(self.client, self.settings) > 0

    def pending_of(self, consumer: str) -> int:
        """How many entries a consumer had in hand; a thousand are counted at most."""
        stream, group = self.settings.inbox_stream, self.settings.consumer_group
        found: Any = self.client.xpending_range(stream, group, "-", "+", 1_000, consumer)
        return len(found)

    def unfolded(self) -> bool:
        """Whether projectors have work."""
        return least_position(self.database) < newest_position(self.settings)


@dataclass
class Fire:
    """Strikes at a scene. The same seed makes the same strikes in the same order."""

    scene: Scene
    seed: int
    struck: Counter[str] = field(default_factory=Counter)
    """Strikes, by what was hit."""
    at_work: Counter[str] = field(default_factory=Counter)
    """Those that found it with work in hand."""

    in_a_batch: int = 0
    """Consumers killed between reading a batch and its acknowledgement."""

    def __post_init__(self) -> None:
        self._chance = Random(self.seed)

    def burn(self, entries: Sequence[Entry], kills: int, each_server: int) -> None:
        """Publish the entries slice by slice; while each is worked on, strike."""
        strikes = self._schedule(kills, each_server)
        size = -(-len(entries) // len(strikes))
        for number, target in enumerate(strikes):
            self._say(f"{number:3} {target}")
            part = entries[number * size : (number + 1) * size]
            if target == "redis":
                self._strike_redis(part)
            elif target == "mongo":
                self._strike_mongo(part)
            elif target == "store":
                self._strike_store(part)
            else:
                self._kill(next(role for role in self.scene.roles if role.name == target), part)

    def _schedule(self, kills: int, each_server: int) -> list[str]:
        """Roles in turn, so that each has time to start again; servers anywhere between."""
        strikes = [name for _, name in zip(range(kills), self._roles_in_turn(), strict=False)]
        for server in ("redis", "mongo", "store"):
            for _ in range(each_server):
                strikes.insert(self._chance.randint(1, len(strikes)), server)
        return strikes

    def _roles_in_turn(self) -> Iterator[str]:
        while True:
            names = [role.name for role in self.scene.roles]
            self._chance.shuffle(names)
            yield from names

    def _kill(self, role: Role, part: Sequence[Entry]) -> None:
        role.wait_until_at_work()
        self._publish(part)
        if role.verb == "project":
            self._let_events_come()
        self._a_moment()
        role.kill()
        self._note_killed(role)
        role.start()

    def _strike_redis(self, part: Sequence[Entry]) -> None:
        self._publish(part)
        self._a_moment()
        self.scene.redis.kill()
        self._a_moment()
        self.scene.redis.start()
        self._note("redis", self.scene.unread_or_pending())

    def _strike_mongo(self, part: Sequence[Entry]) -> None:
        self._publish(part)
        self._let_events_come()
        self._a_moment()
        self._note("mongo", self.scene.unfolded())
        self.scene.mongo.kill()
        self._a_moment()
        self.scene.mongo.start()

    def _strike_store(self, part: Sequence[Entry]) -> None:
        """No process can save; one that writes is killed meanwhile, and its successor says so."""
        scene = self.scene
        role = self._chance.choice([role for role in scene.roles if role.verb == "ingest"])
        role.wait_until_at_work()  # One that starts meanwhile would wait for the store first.
        with scene.store.fault(self.struck["store"]) as word:
            self._publish(part)
            self._a_moment()
            role.kill()
            self._note_killed(role)
            role.start()
            until(lambda: "Waiting for a server" in role.says(), what=f"{role.name} to meet the fault")
            assert word in role.says()
            self._note("store", scene.unread_or_pending())

    def _publish(self, part: Sequence[Entry]) -> None:
        publish(self.scene.client, self.scene.settings.inbox_stream, part)

    def _let_events_come(self) -> None:
        """Give consumers, which may be starting, the time to leave projectors something to do."""
        looks, waiting = 0, Event()
        while not self.scene.unfolded() and looks < _LOOKS:
            looks += 1
            waiting.wait(0.01)

    def _a_moment(self) -> None:
        """Any moment of the work that goes on."""
        Event().wait(self._chance.uniform(0, 0.06))

    def _note_killed(self, role: Role) -> None:
        if role.verb == "project":
            self._note("project", self.scene.unfolded())
        else:
            self._note("ingest", self.scene.unread_or_pending())
            self.in_a_batch += self.scene.pending_of(role.name) > 0

    def _note(self, what: str, busy: bool) -> None:
        self.struck[what] += 1
        self.at_work[what] += busy

    def _say(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
