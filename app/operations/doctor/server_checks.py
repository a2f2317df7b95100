"""What each server must offer to the roles: Redis to ingestion, the event store, MongoDB to the rest."""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from secrets import token_hex
from time import time
from typing import Any

from pymongo.database import Database
from pymongo.errors import OperationFailure
from redis import Redis, SSLConnection
from redis.exceptions import NoPermissionError, ReadOnlyError, ResponseError

from app.event_store.application import Servicing
from app.event_store.postgres_connections import connect
from app.event_store.url import event_store_environment
from app.ingestion.stream.stream_info import group_info
from app.operations.doctor.certificates import server_certificate
from app.operations.doctor.check import Check, clock, failed, warning, well
from app.operations.servers import TIMEOUT_S, Servers
from app.operations.status.stores import read_models_state
from app.projections.migrations import foreign
from app.runtime.observability.logging import in_short
from app.runtime.settings.settings import Settings

_OLDEST = (6, 2)
_FULL = 0.9
_NO_ENTRY = "0-0"
_TABLE = f"{Servicing.name}_events"
_LITTLE_BYTES, _LEAST_BYTES = 2 * 2**30, 200 * 2**20


def redis_checks(redis: Redis, settings: Settings) -> Iterator[Check]:
    """All of them. Changes nothing in Redis. Raises redis's errors."""
    asked = time()
    seconds, microseconds = redis.time()
    yield well("redis.connection", "answers")
    yield clock("redis.clock", seconds + microseconds / 1e6, asked, time())
    info: Any = redis.info("everything")
    yield _redis_version(str(info["redis_version"]))
    if info.get("aof_enabled"):
        yield well("redis.persistence", "has an append-only file")
    else:
        advice = "Set `appendonly yes`: a crash loses the entries that were not read yet."
        yield warning("redis.persistence", "has no append-only file", advice)
    yield _redis_memory(info)
    yield from _redis_streams(redis, settings)
    yield _redis_permission(redis, settings)
    connection = redis.connection_pool.get_connection()
    redis.connection_pool.release(connection)
    if isinstance(connection, SSLConnection):
        yield server_certificate("redis", connection.host, connection.port)


def _redis_version(version: str) -> Check:
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < _OLDEST:
        return failed("redis.version", version, "Upgrade to 6.2 or newer: XAUTOCLAIM is needed.")
    return well("redis.version", version)


def _redis_memory(info: dict[str, Any]) -> Check:
    most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    policy = info.get("maxmemory_policy", "noeviction")
    if most and policy != "noeviction":
        advice = "Set `maxmemory-policy noeviction`: otherwise Redis evicts the stream and the dead letters."
        return failed("redis.memory", f"evicts keys when it is full ({policy})", advice)
    if most and used > _FULL * most:
        advice = "Raise `maxmemory`, set BILLIE_TRIM_AFTER_HOURS, or clear dead letters."
        return warning("redis.memory", f"{used / most:.0%} of `maxmemory` is used", advice)
    return well("redis.memory", f"{used / 2**20:,.0f} MiB used")


def _redis_streams(redis: Redis, settings: Settings) -> Iterator[Check]:
    inbox = settings.inbox_stream
    streams = {"BILLIE_INBOX_STREAM": inbox, "BILLIE_DEAD_LETTER_STREAM": settings.dead_letter_stream}
    for setting, name in streams.items():
        kind: Any = redis.type(name)
        if kind not in (b"stream", b"none"):
            yield failed("redis.stream", f"{name} is a {kind.decode()}", f"Choose another {setting}.")
            return
    if not redis.exists(inbox):
        advice = "Start a publisher, or check BILLIE_INBOX_STREAM and the database in BILLIE_REDIS_URL."
        yield warning("redis.stream", f"no stream {inbox}", advice)
        return
    yield well("redis.stream", f"{inbox} exists")
    if group_info(redis, inbox, settings.consumer_group) is None:
        advice = "Start `billie ingest`, which creates the group."
        yield warning("redis.group", f"no group {settings.consumer_group}", advice)
    else:
        yield well("redis.group", f"{settings.consumer_group} exists")


def _redis_permission(redis: Redis, settings: Settings) -> Check:
    """Tried with commands that change nothing: no entry has the id 0-0."""
    try:
        redis.xack(settings.inbox_stream, settings.consumer_group, _NO_ENTRY)
        redis.xdel(settings.dead_letter_stream, _NO_ENTRY)
        redis.eval("return 1", 0)
    except ReadOnlyError:
        return failed("redis.permission", "is a read-only replica", "Point BILLIE_REDIS_URL at the primary.")
    except (NoPermissionError, ResponseError) as error:
        advice = "Grant the user of BILLIE_REDIS_URL the rights of deploy/rights/redis.acl."
        return failed("redis.permission", in_short(error), advice)
    return well("redis.permission", "may acknowledge, set aside, and run scripts")


def event_store_checks(servers: Servers) -> Iterator[Check]:
    """All of them. Stores nothing. Raises one of EVENT_STORE_ERRORS, and psycopg's errors."""
    environment = event_store_environment(servers.settings.event_store_url)
    if (name := environment.get("SQLITE_DBNAME")) is not None:
        return _sqlite(Path(name), servers)
    return _postgres(environment, servers)


def _sqlite(file: Path, servers: Servers) -> Iterator[Check]:
    folder = next(each for each in (file.parent, *file.parent.absolute().parents) if each.is_dir())
    yield _disk(folder)
    if not os.access(folder, os.W_OK) or (file.exists() and not os.access(file, os.W_OK)):
        advice = "Allow this user to write the file, and to create files beside it."
        yield failed("event_store.permission", f"{file} is not writable", advice)
        return
    if not file.exists():
        advice = "Start `billie ingest`, which creates it; or check BILLIE_EVENT_STORE_URL: is it relative?"
        yield warning("event_store.connection", f"no file {file}", advice)
        return
    with closing(sqlite3.connect(file, timeout=TIMEOUT_S, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            advice = "If this persists, find the process that holds the file, with `fuser`."
            yield warning("event_store.permission", in_short(error), advice)
        else:
            yield well("event_store.permission", f"{file} is writable")
    yield _newest(servers)


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 2**30:,.1f} GiB free at {folder}"
    if free >= _LITTLE_BYTES:
        return well("event_store.disk", detail)
    advice = "Free space, or move the event store: a full disk stops ingestion."
    return (failed if free < _LEAST_BYTES else warning)("event_store.disk", detail, advice)


def _postgres(environment: dict[str, str], servers: Servers) -> Iterator[Check]:
    with closing(connect(environment)) as connection:
        asked = time()
        row = connection.execute(
            "SELECT extract(epoch FROM clock_timestamp()), "
            "current_setting('server_version'), to_regclass(%s) IS NOT NULL",
            (_TABLE,),
        ).fetchone()
        answered = time()
        assert row is not None, "a SELECT without FROM has a row"
        theirs, version, has_table = row
        yield well("event_store.version", f"PostgreSQL {version}")
        yield clock("event_store.clock", float(theirs), asked, answered)
        if connection.pgconn.ssl_in_use:
            yield server_certificate("event_store", connection.info.host, connection.info.port)
        if not has_table:
            advice = "Start `billie ingest`, which creates its table; or check BILLIE_EVENT_STORE_URL."
            yield warning("event_store.connection", "there are no events yet", advice)
            return
        # One at a time: a list of privileges would mean any of them. UPDATE is for the lock of inserts.
        granted = connection.execute(
            "SELECT bool_and(has_table_privilege(%s, needed)) FROM unnest(%s::text[]) AS needed",
            (_TABLE, ["SELECT", "INSERT", "UPDATE"]),
        ).fetchone()
    if granted and granted[0]:
        yield well("event_store.permission", "may read and store events")
    else:
        advice = "Grant the user of BILLIE_EVENT_STORE_URL the rights of deploy/rights/postgresql.sql."
        yield failed("event_store.permission", "may not store events", advice)
    yield _newest(servers)


def _newest(servers: Servers) -> Check:
    return well("event_store.connection", f"at position {servers.event_store().max_position():,}")


def mongodb_checks(database: Database[dict[str, Any]]) -> Iterator[Check]:
    """All of them. Creates and drops a scratch collection. Raises pymongo's errors."""
    asked = time()
    hello = database.client.admin.command("hello")
    answered = time()
    yield well("mongodb.connection", "answers")
    yield clock("mongodb.clock", hello["localTime"].timestamp(), asked, answered)
    yield well("mongodb.version", str(database.client.server_info()["version"]))
    if database.client.options.pool_options._ssl_context is not None:
        for host, port in sorted(database.client.nodes):
            yield server_certificate("mongodb", host, port or 27017)
    yield _mongo_permission(database)
    models = read_models_state(database)
    if models.waiting_migrations:
        pending = f"pending: {', '.join(models.waiting_migrations)}"
        yield failed("mongodb.migrations", pending, "Run `billie migrate`.")
    else:
        yield well("mongodb.migrations", "none pending")
    outdated = [each.name for each in models.projections if each.version != each.current_version]
    if outdated:
        detail = f"built by another version than this release's: {', '.join(outdated)}"
        yield failed("mongodb.projections", detail, f"Run `billie rebuild {' '.join(outdated)}`.")
    else:
        yield well("mongodb.projections", "of this release's versions")
    others = [] if models.waiting_migrations else [_foreign(*each) for each in foreign(database)]
    yield from others or [well("mongodb.collections", "have our indexes and validators only")]


def _foreign(collection: str, index: Mapping[str, Any] | None) -> Check:
    """What somebody else's index will do, or, with None, somebody else's validator."""
    name = "mongodb.collections"
    if index is None:
        detail = f"{collection} has another validator than ours: a document that it refuses is set aside"
        restored = f"To have ours again: {_shell('migrations')}.deleteMany({{}}), then `billie migrate`."
        return warning(name, detail, f"Find out who set it. {restored}")
    drop = f'{_shell(collection)}.dropIndex("{index["name"]}")'
    detail = f"{collection} has the index {index['name']} of somebody else"
    if "expireAfterSeconds" in index:
        return failed(name, f"{detail}, which deletes documents", f"Drop it: {drop}. Then rebuild.")
    if not index.get("unique"):
        return well(name, f"{detail}; each write has to update it")
    if index.get("sparse") or "partialFilterExpression" in index:
        advice = f"Keep it only on fields that we do not write. To drop it: {drop}."
        return warning(name, f"{detail}: a document that repeats a value is set aside", advice)
    advice = f"Drop it, or make it sparse: {drop}."
    return failed(name, f"{detail}: of all documents without its fields, all but one are set aside", advice)


def _shell(collection: str) -> str:
    return f'db.getCollection("{collection}")'


def _mongo_permission(database: Database[dict[str, Any]]) -> Check:
    """Tried in a collection of its own, as a rebuild creates one."""
    scratch = database[f"_doctor.{token_hex(8)}"]
    try:
        try:
            scratch.insert_one({"_id": "probe"})
            scratch.update_one({"_id": "probe"}, {"$set": {"seen": True}})
            scratch.create_index("seen")
        finally:
            scratch.drop()
    except OperationFailure as error:
        advice = "Grant the user of BILLIE_MONGO_URL the role of deploy/rights/mongodb.js."
        return failed("mongodb.permission", in_short(error), advice)
    return well("mongodb.permission", f"may write to {database.name}")
