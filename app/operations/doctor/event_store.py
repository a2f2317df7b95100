"""The event store, as the roles need it: permission, disk (SQLite), version and clock (PostgreSQL)."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import time

from app.event_store.application import Servicing
from app.event_store.postgres import connect
from app.event_store.url import event_store_environment
from app.operations.doctor.check import Check, clock, failed, warning, well
from app.operations.servers import TIMEOUT_S, Servers
from app.runtime.observability.logging import in_short

_TABLE = f"{Servicing.name}_events"
_LITTLE_BYTES, _LEAST_BYTES = 2 * 2**30, 200 * 2**20


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
            "SELECT extract(epoch FROM clock_timestamp()), pg_is_in_recovery(), "
            "current_setting('server_version'), to_regclass(%s) IS NOT NULL",
            (_TABLE,),
        ).fetchone()
        answered = time()
        assert row is not None, "a SELECT without FROM has a row"
        theirs, is_standby, version, has_table = row
        yield well("event_store.version", f"PostgreSQL {version}")
        yield clock("event_store.clock", float(theirs), asked, answered)
        if is_standby:
            advice = "Point BILLIE_EVENT_STORE_URL at the primary."
            yield failed("event_store.permission", "is a standby", advice)
            return
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
        advice = f"GRANT SELECT, INSERT, UPDATE ON {_TABLE} to the user of BILLIE_EVENT_STORE_URL."
        yield failed("event_store.permission", "may not store events", advice)
    yield _newest(servers)


def _newest(servers: Servers) -> Check:
    return well("event_store.connection", f"at position {servers.event_store().max_position():,}")
