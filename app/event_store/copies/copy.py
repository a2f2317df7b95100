"""Copies a whole event store into an empty one, of the same or the other database, in one transaction.

Positions stay as they are, so that projections continue where they were. What was written is read again and
compared before it is committed: until then, the target stays empty.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from time import monotonic, sleep
from typing import Literal

import psycopg

from app.errors import BillieError
from app.event_store.copies.endpoints import EVENTS, TABLES, AnyEndpoint, Row, Table, endpoint_at, file_of
from app.event_store.errors import EVENT_STORE_ERRORS
from app.runtime.camel_model import CamelModel

_SHOWN_EVERY = 5_000
_GONE_WITHIN_S, _POLL_S = 2.0, 0.05

Side = Literal["source", "target"]
Phase = Literal["copy", "verify"]
Show = Callable[[Phase, int, int], bool]
"""Shows the position that a copy has reached, of the newest, and says whether to continue."""


class CopyError(BillieError):
    """A store is not copied, backed up or restored: says why, and what to do."""


class EndpointError(BillieError):
    """One of the two stores cannot be reached, read, or written to. The cause is what it raised."""

    def __init__(self, side: Side) -> None:
        super().__init__(f"the {side} failed")
        self.side = side


class Content(CamelModel):
    """What a table holds: its number of rows, and the checksum of all their values in order."""

    rows: int
    sha256: str


class Copied(CamelModel):
    """What was copied, and found the same on both sides."""

    newest_position: int
    tables: dict[str, Content]


def copy_store(
    source_url: str,
    target_url: str,
    show: Show,
    *,
    others_may_read: bool = False,
    while_written: bool = False,
) -> Copied:
    """Copy a store into an empty one.

    ``others_may_read``: also while others are connected to the source; nobody can write to it meanwhile.
    ``while_written``: as it is at one moment, while others write to it. Raises CopyError, EndpointError,
    and EventStoreUrlError.
    """
    if (file := file_of(source_url)) is not None and not file.exists():
        raise CopyError(f"There is no file {file} at the source: there is nothing to copy")
    with (
        failing("source"),
        closing(endpoint_at(source_url)) as source,
        failing("target"),
        closing(endpoint_at(target_url)) as target,
        failing("source"),
    ):
        if source.identity() == target.identity():
            raise CopyError(
                "The source and the target are the same store: name an empty database, or a new file"
            )
        _refuse_source(source, others_may_read=others_may_read or while_written)
        with source.transaction(locked=not while_written):
            newest = source.newest()
            with failing("target"), target.transaction(locked=True):
                _refuse_target(target, newest)
                target.create()
                tables = {each.name: _copy_table(each, source, target, newest, show) for each in TABLES}
    return Copied(newest_position=newest, tables=tables)


@contextmanager
def failing(side: Side) -> Iterator[None]:
    """What fails in this, and is not known to be of the other side, is of this one."""
    try:
        yield
    except (*EVENT_STORE_ERRORS, psycopg.Error) as error:
        raise EndpointError(side) from error


def _refuse_source(source: AnyEndpoint, *, others_may_read: bool) -> None:
    if EVENTS.name not in source.tables():
        raise CopyError("The source has no table of events: it is no event store")
    ends_at = monotonic() + _GONE_WITHIN_S  # A server takes a moment to see that a process has gone.
    while not others_may_read and (others := source.others()):
        if monotonic() > ends_at:
            raise CopyError(
                f"Others are connected to the source: {'; '.join(others)}. Stop the roles. Those that only "
                "read may stay, with --others-may-read: nobody can write to it during the copy, but after it"
            )
        sleep(_POLL_S)


def _refuse_target(target: AnyEndpoint, newest: int) -> None:
    tables, held = target.tables(), ""
    if foreign := sorted(set(tables) - {each.name for each in TABLES}):
        held = f"other tables: {', '.join(foreign[:5])}"
    elif EVENTS.name in tables and (there := target.newest()):
        again = " already. If you have copied this source there before, that is done"
        held = f"events up to position {there:,}{again if there == newest else ''}"
    else:
        for name in {each.name for each in TABLES[1:]}.intersection(tables):
            if target.execute(f"SELECT 1 FROM {name} LIMIT 1"):
                held = f"rows in {name}"
    if held:
        raise CopyError(f"The target holds {held}. Name an empty database, or a new file")


def _copy_table(table: Table, source: AnyEndpoint, target: AnyEndpoint, newest: int, show: Show) -> Content:
    def shown(phase: Phase, rows: Generator[Row]) -> Iterator[Row]:
        with closing(rows):
            for number, row in enumerate(rows):
                is_due = table is EVENTS and number % _SHOWN_EVERY == 0
                if is_due and not show(phase, row[0], newest):
                    raise CopyError("Stopped. The target is as it was before")
                yield row

    def read() -> Generator[Row]:
        with failing("source"):
            yield from source.rows(table)

    target.insert(table, shown("copy", read()))
    expected, written = content_of(read()), content_of(shown("verify", target.rows(table)))
    if expected != written:
        raise CopyError(
            f"{table.name} is not the same on both sides: {expected} in the source, {written} in the target"
        )
    return written


def content_of(rows: Iterable[Row]) -> Content:
    """Count rows and sum them up: the same rows give the same in every database."""
    number, checksum = 0, sha256()
    for number, row in enumerate(rows, 1):  # noqa: B007
        checksum.update(repr(row).encode())
    return Content(rows=number, sha256=checksum.hexdigest())
