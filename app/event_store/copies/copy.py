"""Copying a whole event store into an empty one, of the same or the other database.

Positions stay as they are, so that whoever followed the one store goes on with the other. What is copied
is read again on both sides, and compared. Until then the target says of itself that it is an unfinished copy.
"""

import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from itertools import chain
from time import monotonic, sleep
from typing import Literal, NamedTuple

import psycopg

from app.event_store.copies.endpoints import End, copying, end_of, file_of, share_a_database, share_a_file
from app.event_store.copies.tables import (
    BESIDE,
    EVENTS,
    FACTS,
    TABLES,
    Content,
    Row,
    Table,
    content_of,
)
from app.event_store.errors import EVENT_STORE_ERRORS
from app.privacy.key_tables import COPYING

_ROWS_AT_ONCE = 5_000
_BYTES_AT_ONCE = 16 * 1024 * 1024
_SHOWN_EVERY = 5_000
_GONE_WITHIN_S, _LOOK_AGAIN_S = 2.0, 0.05
_ITSELF = "The source and the target are the same store: name an empty database, or a new file, to copy it to"
_OTHERS_WRITE = (
    "Somebody else writes to the target, and nobody may use it before it is whole. Stop them: --anew then "
    "empties it, and begins anew"
)

EndName = Literal["source", "target"]


class CopyRefusedError(RuntimeError):
    """A store is not copied, or not any further: says why, and what to do."""


class CopyStoppedError(RuntimeError):
    """Somebody asked it to stop: it goes on where it was."""


class EndFailedError(RuntimeError):
    """One of the two stores cannot be reached, or read, or written to: which. The cause is what it raised."""

    def __init__(self, end: EndName) -> None:
        super().__init__(f"the {end} failed")
        self.end = end


class Copying(NamedTuple):
    """How far a copy is."""

    phase: str
    """``copy`` or ``verify``."""
    position: int
    newest: int


class Copied(NamedTuple):
    """What was copied, found the same on both sides."""

    newest: int
    begun_after: int
    """The position that an earlier run had come to."""
    tables: dict[str, Content]


def copy_store(
    source_url: str,
    target_url: str,
    show: Callable[[Copying], bool],
    *,
    others_may_read: bool = False,
    anew: bool = False,
) -> Copied:
    """Copy a store, or go on with a copy that ended before it was done.

    ``show`` says whether to go on. ``others_may_read``: also while others are connected to the source; nobody
    can write to it meanwhile. ``anew``: empty what an unfinished copy left in the target.

    Raises CopyRefusedError, CopyStoppedError, EndFailedError, and EventStoreUrlError.
    """
    if (file := file_of(source_url)) is not None and not file.exists():
        msg = f"There is no file {file} at the source: there is nothing to copy"
        raise CopyRefusedError(msg)
    if share_a_file(source_url, target_url):
        raise CopyRefusedError(_ITSELF)
    with _failing("source"), closing(end_of(source_url)) as source:
        _refuse_source(source, others_may_read=others_may_read)
        with source.held():
            newest = source.newest()
            with _failing("target"), closing(end_of(target_url)) as target:
                if share_a_database(source, target):
                    raise CopyRefusedError(_ITSELF)
                _refuse_target(target, newest)
                return _Copy(source, target, newest, show).run(anew=anew)


@contextmanager
def _failing(end: EndName) -> Iterator[None]:
    """What fails in this, and is not known to be of the other end, is of this one."""
    try:
        yield
    except (*EVENT_STORE_ERRORS, psycopg.Error) as error:
        raise EndFailedError(end) from error


def _refuse_source(source: End, *, others_may_read: bool) -> None:
    if not source.has(EVENTS):
        msg = "The source has no table of events: it is no event store"
        raise CopyRefusedError(msg)
    if copying(source) is not None:
        msg = "The source is an unfinished copy itself"
        raise CopyRefusedError(msg)
    if not others_may_read and (others := _still_connected(source)):
        msg = (
            f"Others are connected to the source: {'; '.join(others)}. Stop the roles. Whoever only reads "
            "may stay, with --others-may-read: nobody can write to it during the copy, but after it"
        )
        raise CopyRefusedError(msg)


def _refuse_target(target: End, newest: int) -> None:
    tables = target.tables()
    if foreign := sorted(set(tables) - {each.name for each in TABLES}):
        msg = (
            f"The target holds other tables: {', '.join(foreign[:5])}. Name an empty database, or a new file"
        )
        raise CopyRefusedError(msg)
    if others := _still_connected(target):
        msg = f"Others are connected to the target: {'; '.join(others)}. Nobody may use it before it is whole"
        raise CopyRefusedError(msg)
    if EVENTS.name in tables and copying(target) is None and (there := target.newest()):
        done = ". If you have copied this source there before, that is done" if there == newest else ""
        msg = (
            f"The target holds events up to position {there:,}, and is no unfinished copy: "
            f"name an empty database, or a new file{done}"
        )
        raise CopyRefusedError(msg)


def _still_connected(end: End) -> list[str]:
    """Who is connected, once those have gone who were just stopped: a server takes a moment to see it."""
    ends_at = monotonic() + _GONE_WITHIN_S
    while (others := end.others()) and monotonic() < ends_at:
        sleep(_LOOK_AGAIN_S)
    return others


class _Copy:
    def __init__(self, source: End, target: End, newest: int, show: Callable[[Copying], bool]) -> None:
        self._source, self._target, self._newest, self._show = source, target, newest, show

    def run(self, *, anew: bool) -> Copied:
        begun_after = self._begin(anew=anew)
        with closing(self._source_rows(EVENTS, begun_after)) as rows:
            for page in _pages(self._shown("copy", rows)):
                self._add(page)
        self._copy_beside()
        with self._target.held():  # What is compared is what is whole from then on.
            found = self._verify()
            self._target.go_on_after(self._newest)
            self._target.execute(f"DELETE FROM {FACTS.name} WHERE name = ?", COPYING)
        return Copied(self._newest, begun_after, found)

    def _begin(self, *, anew: bool) -> int:
        """Where to go on."""
        target, origin = self._target, self._origin()
        target.create()
        begun = copying(target)
        if begun is not None and anew:
            with target.transaction():
                for table in TABLES:
                    target.empty(table)
            begun = None
        if begun is None:
            with target.transaction():
                if any(_first(target, table) for table in TABLES if table is not FACTS):
                    msg = "The target holds keys, links or events that are of no copy: name an empty one"
                    raise CopyRefusedError(msg)
                target.execute(f"INSERT INTO {FACTS.name} (name, value) VALUES (?, ?)", COPYING, origin)
            return 0
        copied = target.newest()
        if begun != origin or not self._is_beginning(copied):
            msg = (
                "The target holds the unfinished copy of another store, or of this one as it was before "
                "somebody changed it: --anew empties it, and begins anew"
            )
            raise CopyRefusedError(msg)
        return copied

    def _is_beginning(self, copied: int) -> bool:
        """Whether the last event of the target is just so in the source."""
        if not copied:
            return True
        return self._first_event(copied - 1) == _first(self._target, EVENTS, copied - 1)

    def _add(self, page: list[Row]) -> None:
        try:
            with self._target.transaction():
                self._target.insert(EVENTS, page)
                if self._target.newest() != page[-1][0]:
                    raise CopyRefusedError(_OTHERS_WRITE)
        except (sqlite3.IntegrityError, psycopg.IntegrityError) as error:
            raise CopyRefusedError(_OTHERS_WRITE) from error

    def _copy_beside(self) -> None:
        """In one transaction, anew each time: what was copied before may have changed in the source since."""
        with self._target.transaction():
            for table in BESIDE:
                marker = [(COPYING, copying(self._target))] if table is FACTS else []
                self._target.empty(table)
                with closing(self._source_rows(table)) as rows:
                    self._target.insert(table, chain(rows, marker))

    def _source_rows(self, table: Table, after: int = 0) -> Generator[Row]:
        with _failing("source"):
            if self._source.has(table):
                yield from self._source.rows(table, after)

    def _first_event(self, after: int = 0) -> Row | None:
        with closing(self._source_rows(EVENTS, after)) as rows:
            return next(rows, None)

    def _origin(self) -> str:
        """What tells this store from others: its first event, but for the state, which may be sealed."""
        first = self._first_event()
        return sha256(repr(first and first[:4]).encode()).hexdigest()

    def _verify(self) -> dict[str, Content]:
        found: dict[str, Content] = {}
        for table in TABLES:
            with closing(self._source_rows(table)) as rows:
                expected = content_of(self._shown("verify", rows) if table is EVENTS else rows)
            with closing(self._target.rows(table)) as rows:
                copied = content_of(row for row in rows if table is not FACTS or row[0] != COPYING)
            if expected != copied:
                msg = (
                    f"{table.name} is not the same on both sides: {expected.rows:,} rows, {expected.sha256} "
                    f"in the source, {copied.rows:,} rows, {copied.sha256} in the target. If the source was "
                    "changed since the copy was begun, --anew empties the target, and begins anew"
                )
                raise CopyRefusedError(msg)
            found[table.name] = expected
        return found

    def _shown(self, phase: str, rows: Iterator[Row]) -> Iterator[Row]:
        for number, row in enumerate(rows):
            if number % _SHOWN_EVERY == 0 and not self._show(Copying(phase, row[0], self._newest)):
                raise CopyStoppedError
            yield row


def _first(end: End, table: Table, after: int = 0) -> Row | None:
    with closing(end.rows(table, after)) as rows:
        return next(rows, None)


def _pages(rows: Iterator[Row]) -> Iterator[list[Row]]:
    page: list[Row] = []
    size = 0
    for row in rows:
        page.append(row)
        size += len(row[-1])
        if len(page) >= _ROWS_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield page
            page, size = [], 0
    if page:
        yield page
