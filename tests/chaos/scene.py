"""What is under fire: all servers, all roles twice, the ledger, and the ways between them."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.database import Database
from redis import Redis
from redis.exceptions import RedisError

from app.api.auth.claims import claims_with
from app.event_store.application import Servicing
from app.runtime.servers.embedded import EmbeddedServer, embedded_mongo, embedded_redis, free_port
from app.runtime.settings.settings import Settings
from tests.chaos.faults.clocks import library
from tests.chaos.faults.disks import small_disk
from tests.chaos.faults.links import Link, Links
from tests.chaos.faults.postgres import PostgresServer, PostgresStore
from tests.chaos.faults.processes import Role, Server, Target, forget_clocks
from tests.chaos.faults.schedule import Kind
from tests.chaos.faults.stores import SqliteStore, Store
from tests.chaos.load import Door
from tests.support.commands import Billie
from tests.support.observed import all_read, least_position, newest_position, pending

_SMALL = {"ingest_batch": 20, "project_batch": 50, "claim_idle_ms": 1_000}
"""So that there are many moments to be struck at, and consumers take over from each other."""
_FAULTS = ("*:drop-after-commit:0.02", "*:unavailable:0.02", "*:delay=0.3:0.05")
"""Of the ledger's own, besides: it posts and does not answer, say."""
STORE = "event store"
WITHOUT_CLOCK = ("mongo",)
"""With libfaketime the embedded server's threads never rest. We ask no database for the time."""


@dataclass
class Scene:
    """The running system. ``settings`` are of who looks on, by no link."""

    settings: Settings
    store: Store
    books: Path
    client: Redis
    publishing: Redis
    """By the link to Redis that all roles have."""
    database: Database[dict[str, Any]]
    servicing: Servicing
    servers: Mapping[str, Target]
    roles: Mapping[str, Role]
    links: Mapping[str, Link]
    doors: list[Door]
    token: str

    @property
    def processes(self) -> dict[str, Target]:
        """Roles and servers."""
        return {**self.servers, **self.roles}

    def targets(self) -> dict[Kind, list[str]]:
        """What each kind of fault can strike here."""
        processes, links = list(self.processes), list(self.links)
        found = dict.fromkeys((Kind.KILL, Kind.STOP), processes)
        found |= dict.fromkeys((Kind.DROP, Kind.SLOW), links)
        # Of PostgreSQL's, TCP itself finds out in the end; here the link's own end goes on to answer it.
        found[Kind.CUT] = [name for name in links if name != "postgres"]
        found |= {Kind.FULL: [STORE], Kind.LOCK: [STORE]}
        clocks = [name for name in processes if name not in WITHOUT_CLOCK]
        return {**found, Kind.CLOCK: clocks if library() is not None else []}

    def unread_or_pending(self) -> bool:
        """Whether consumers have work."""
        return not all_read(self.client, self.settings) or pending(self.client, self.settings) > 0

    def has_in_hand(self, consumer: str) -> bool:
        """Whether a consumer has entries; no, where Redis cannot tell."""
        stream, group = self.settings.inbox_stream, self.settings.consumer_group
        try:
            return bool(self.client.xpending_range(stream, group, "-", "+", 1, consumer))
        except RedisError:
            return False

    def unfolded(self) -> bool:
        """Whether projectors have work."""
        return least_position(self.database) < newest_position(self.settings)


@contextmanager
def running(folder: Path, seed: int, megabytes: int, kind: str) -> Iterator[Scene]:
    """All of it, started, on an event store of a kind; roles reach servers by links only."""
    roles: dict[str, Role] = {}
    servers: dict[str, Target] = {}
    with ExitStack() as stack:
        stack.callback(lambda: [forget_clocks(each.pids) for each in (*roles.values(), *servers.values())])
        writers = lambda: [role.pid for role in roles.values()]  # noqa: E731
        disk = stack.enter_context(small_disk(megabytes, folder, writers))
        starters = stack.enter_context(ThreadPoolExecutor(16, thread_name_prefix="starters"))
        redis, mongo = (Server(name, folder, starters, made) for name, made in _EMBEDDED.items())
        servers |= {"redis": redis, "mongo": mongo}
        store: Store = SqliteStore(disk)
        if kind == "postgresql":
            servers["postgres"] = postgres = PostgresServer(disk.folder, folder, starters)
            store = PostgresStore(disk, postgres)
        for server in servers.values():
            stack.callback(server.kill)
        ports = {"ledger": free_port(), "api-one": free_port(), "api-two": free_port()}
        ways = stack.enter_context(Links())
        links = {name: ways.to(port) for name, port in ports.items()}
        links |= {name: ways.to(each.port) for name, each in servers.items()}
        settings = _settings(redis, mongo, store.url, ports["ledger"])
        client = stack.enter_context(Redis.from_url(settings.redis_url, protocol=2, socket_timeout=5))
        read_models = stack.enter_context(
            MongoClient[dict[str, Any]](settings.mongo_url, tz_aware=True, timeoutMS=10_000)
        )
        servicing = Servicing.from_url(store.url)
        stack.callback(servicing.close)
        client.xgroup_create(settings.inbox_stream, settings.consumer_group, id="0", mkstream=True)
        Billie.of(settings).run("migrate")
        books = folder / "ledger.db"
        through = settings.model_copy(update=_SMALL | _by_links(links, store.url))
        roles |= _roles(through, ports, books, folder, starters, seed)
        for role in roles.values():
            stack.callback(role.kill)
            role.start()
        doors = [
            Door(name, f"http://127.0.0.1:{links[name].port}", (roles[name].struck, links[name].struck))
            for name in ("api-one", "api-two")
        ]
        scene = Scene(
            settings=settings,
            store=store,
            books=books,
            client=client,
            publishing=stack.enter_context(
                Redis.from_url(through.redis_url, protocol=2, socket_timeout=2, socket_connect_timeout=2)
            ),
            database=read_models[settings.mongo_db],
            servicing=servicing,
            servers=servers,
            roles=roles,
            links=links,
            doors=doors,
            token=_token(settings),
        )
        yield scene


def _redis(folder: Path, environment: Mapping[str, str]) -> EmbeddedServer:
    return embedded_redis(folder, sync_always=True, environment=environment)


def _mongo(folder: Path, _environment: Mapping[str, str]) -> EmbeddedServer:
    return embedded_mongo(folder)


_EMBEDDED = {"redis": _redis, "mongo": _mongo}


def _settings(redis: Server, mongo: Server, store_url: str, ledger_port: int) -> Settings:
    return Settings(
        redis_url=redis.server.url,
        mongo_url=mongo.server.url,
        mongo_db="fire",
        event_store_url=store_url,
        ledger_target=f"127.0.0.1:{ledger_port}",
        ledger_write_seconds=1,
        settle_after_seconds=2,
        jwt_secret=SecretStr("a secret for tests, of more than 32 bytes"),
        rate_per_second=0,
    )


def _by_links(links: Mapping[str, Link], store_url: str) -> dict[str, str]:
    by_postgres = (
        f"postgresql://billie@127.0.0.1:{links['postgres'].port}/events" if "postgres" in links else ""
    )
    return {
        "event_store_url": by_postgres or store_url,
        "redis_url": f"redis://127.0.0.1:{links['redis'].port}/0",
        # Asked who it is, the server tells its own address: by that the link would be passed by.
        "mongo_url": f"mongodb://127.0.0.1:{links['mongo'].port}/?directConnection=true",
        "ledger_target": f"127.0.0.1:{links['ledger'].port}",
    }


def _roles(
    settings: Settings, ports: Mapping[str, int], books: Path, folder: Path, starters: Executor, seed: int
) -> dict[str, Role]:
    roles = []
    billie = Billie.of(settings)
    for number in ("one", "two"):
        for verb in ("ingest", "project"):
            name = f"{verb}-{number}"
            roles.append(Role(name, (verb,), billie, folder, starters, BILLIE_CONSUMER_NAME=name))
        name, port = f"api-{number}", ports[f"api-{number}"]
        roles.append(Role(name, ("api",), billie, folder, starters, port, BILLIE_API_PORT=str(port)))
    faults = [part for fault in _FAULTS for part in ("--fault", fault)]
    sandbox = ("ledger-sandbox", "--data", str(books), "--fault-seed", str(seed), *faults)
    target = f"127.0.0.1:{ports['ledger']}"
    roles.append(
        Role("ledger", sandbox, billie, folder, starters, ports["ledger"], BILLIE_LEDGER_TARGET=target)
    )
    return {role.name: role for role in roles}


def _token(settings: Settings) -> str:
    """One that is valid under any clock: a wrong clock refuses tokens, as it should."""
    assert settings.jwt_secret is not None
    claims = claims_with(settings.jwt_role_claim, "operations") | {
        "sub": "ann",
        "exp": datetime.now(UTC) + timedelta(days=30),
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), "HS256")
