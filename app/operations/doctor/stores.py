"""MongoDB and the event store, as the roles need them: that we may write, versions, clocks and disk."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from secrets import token_hex
from time import time
from typing import Any, cast

import psycopg
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from app.event_store.errors import EVENT_STORE_ERRORS
from app.event_store.postgres import connect
from app.event_store.url import event_store_environment
from app.operations.doctor.check import Check, away, clock, failed, warning, well
from app.operations.status.servers import Servers
from app.operations.status.store_state import read_models_state
from app.runtime.observability.logging import in_short
from app.runtime.settings.settings import Settings

_MONGO, _STORE = "Is it up? Check BILLIE_MONGO_URL.", "Is it up? Check BILLIE_EVENT_STORE_URL."
_LITTLE_BYTES, _LEAST_BYTES = 2 * 2**30, 200 * 2**20
_WITHIN_S = 2


def mongo_checks(database: Database[dict[str, Any]], settings: Settings) -> list[Check]:
    """All of them; only that it is away, where it is. A scratch collection is made and dropped."""
    try:
        return list(_mongo(database, settings))
    except PyMongoError as error:
        return [away("mongodb.connection", in_short(error), _MONGO)]


def _mongo(database: Database[dict[str, Any]], settings: Settings) -> Iterator[Check]:
    asked = time()
    hello = database.client.admin.command("hello")
    answered = time()
    yield well("mongodb.connection", "answers")
    yield clock("mongodb.clock", hello["localTime"].timestamp(), asked, answered)
    yield well("mongodb.version", str(database.client.server_info()["version"]))
    yield _may_write(database)
    models = read_models_state(database, settings)
    if models.waiting_migrations:
        lacks = ", ".join(models.waiting_migrations)
        yield failed("mongodb.migrations", f"wait: {lacks}", "Run `billie migrate`.")
    else:
        yield well("mongodb.migrations", "none waits")
    outdated = [each.name for each in models.projections if each.version != each.current_version]
    if outdated:
        told = f"folded by another version than this release's: {', '.join(outdated)}"
        yield failed("mongodb.projections", told, f"Run `billie rebuild {' '.join(outdated)}`.")
    else:
        yield well("mongodb.projections", "of this release's versions")


def _may_write(database: Database[dict[str, Any]]) -> Check:
    """In a collection of its own, as a rebuild makes too."""
    scratch = database[f"_doctor.{token_hex(8)}"]
    try:
        try:
            scratch.insert_one({"_id": "probe"})
            scratch.update_one({"_id": "probe"}, {"$set": {"seen": True}})
            scratch.create_index("seen")
        finally:
            scratch.drop()
    except OperationFailure as error:
        advice = f"Give the user of BILLIE_MONGO_URL the roles readWrite and dbAdmin on {database.name}."
        return failed("mongodb.permission", in_short(error), advice)
    return well("mongodb.permission", f"may write to {database.name}")


def store_checks(servers: Servers) -> list[Check]:
    """All of them; only that it is away, where it does not answer. Nothing is stored."""
    environment = event_store_environment(servers.settings.event_store_url)
    try:
        if (name := environment.get("SQLITE_DBNAME")) is not None:
            return list(_sqlite(Path(name), servers))
        return list(_postgres(environment, servers))
    except (*EVENT_STORE_ERRORS, psycopg.Error) as error:
        return [away("event_store.connection", in_short(error), _STORE)]


def _sqlite(file: Path, servers: Servers) -> Iterator[Check]:
    folder = next(each for each in (file.parent, *file.parent.absolute().parents) if each.is_dir())
    yield _disk(folder)
    if not os.access(folder, os.W_OK) or (file.exists() and not os.access(file, os.W_OK)):
        advice = "Give this user the right to write the file, and to make files beside it."
        yield failed("event_store.permission", f"{file} cannot be written", advice)
        return
    if not file.exists():
        advice = "Start `billie ingest`, which makes it; or check BILLIE_EVENT_STORE_URL: it may be relative."
        yield warning("event_store.connection", f"there is no file {file}", advice)
        return
    with closing(sqlite3.connect(file, timeout=_WITHIN_S, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            advice = "If it stays so, find the process that holds the file: `fuser` names it."
            yield warning("event_store.permission", in_short(error), advice)
        else:
            yield well("event_store.permission", f"{file} can be written")
    yield from _events(servers)


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    told = f"{free / 2**30:,.1f} GiB free at {folder}"
    if free >= _LITTLE_BYTES:
        return well("event_store.disk", told)
    advice = (
        "Make room, or move the event store: nothing is stored, and nothing acknowledged, on a full disk."
    )
    return (failed if free < _LEAST_BYTES else warning)("event_store.disk", told, advice)


def _postgres(environment: dict[str, str], servers: Servers) -> Iterator[Check]:
    table: str = cast(Any, servers.event_store().recorder).events_table_name
    with closing(connect(environment)) as connection:
        asked = time()
        row = connection.execute(
            "SELECT extract(epoch FROM clock_timestamp()), pg_is_in_recovery(), "
            "current_setting('server_version'), to_regclass(%s) IS NOT NULL",
            (table,),
        ).fetchone()
        answered = time()
        assert row is not None, "a SELECT without FROM has a row"
        theirs, is_replica, version, is_there = row
        yield well("event_store.version", f"PostgreSQL {version}")
        yield clock("event_store.clock", float(theirs), asked, answered)
        if is_replica:
            yield failed(
                "event_store.permission", "is a standby", "Point BILLIE_EVENT_STORE_URL at the primary."
            )
            return
        if not is_there:
            advice = "Start `billie ingest`, which makes its table; or check BILLIE_EVENT_STORE_URL."
            yield warning("event_store.connection", "there are no events yet", advice)
            return
        # Asked one by one, as any of a list would do; UPDATE is for the lock under which events are stored.
        may = connection.execute(
            "SELECT bool_and(has_table_privilege(%s, needed)) FROM unnest(%s::text[]) AS needed",
            (table, ["SELECT", "INSERT", "UPDATE"]),
        ).fetchone()
    if may and may[0]:
        yield well("event_store.permission", "may read and store events")
    else:
        advice = f"GRANT SELECT, INSERT, UPDATE ON {table} to the user of BILLIE_EVENT_STORE_URL."
        yield failed("event_store.permission", "may not store events", advice)
    yield from _events(servers)


def _events(servers: Servers) -> Iterator[Check]:
    yield well("event_store.connection", f"at position {servers.event_store().max_position():,}")
