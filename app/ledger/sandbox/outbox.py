"""Announcements on their way to the stream: stored with the posting, published after, then marked."""

import json
import logging
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from threading import Event

from redis import Redis
from redis.exceptions import RedisError

from app.ledger.sandbox.announcements import Entry
from app.ledger.sandbox.database import Database
from app.runtime.servers.back_off import BackOff

log = logging.getLogger(__name__)

_BATCH = 500


def put(database: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Part of the posting's own transaction."""
    database.executemany(
        "INSERT INTO outbox (event_id, entry) VALUES (?, ?)",
        [(entry["event_id"], json.dumps(entry)) for entry in entries],
    )


class Publisher:
    """Publishes in the order of posting, each at least once.

    A crash between publishing and marking publishes again, with the same ``event_id``: whoever reads the
    stream absorbs that once.
    """

    def __init__(self, database: Database, redis: Redis, stream: str) -> None:
        self._database, self._redis, self._stream = database, redis, stream

    def publish(self) -> int:
        """Publish what waits, and return how many entries that were. Raises RedisError."""
        count = 0
        while waiting := self._waiting():
            pipeline = self._redis.pipeline(transaction=True)
            for _number, entry in waiting:
                pipeline.xadd(self._stream, entry)  # type: ignore[arg-type]
            pipeline.execute()
            self._mark(number for number, _entry in waiting)
            count += len(waiting)
        return count

    def run(self, stop: Event) -> None:
        """Publish as postings come. After ``stop``, wake the database: what waits is tried once more."""
        back_off = BackOff(stop, "announcements")
        while True:
            ends, seen = stop.is_set(), self._database.version
            try:
                self.publish()
                back_off.went_well()
            except RedisError as error:
                # It is kept, and the next start goes on with it.
                if ends:
                    log.warning("Stopped with announcements that the stream has not got yet")
                    return
                back_off.failed(error)
                continue
            if ends:
                return
            # Marking is a transaction too: one more look, then this waits for a posting.
            self._database.wait_beyond(seen, stop.is_set)

    def _waiting(self) -> list[tuple[int, Entry]]:
        with self._database.reading() as database:
            rows = database.execute(
                "SELECT number, entry FROM outbox WHERE published_at IS NULL ORDER BY number LIMIT ?",
                (_BATCH,),
            ).fetchall()
        return [(row["number"], json.loads(row["entry"])) for row in rows]

    def _mark(self, numbers: Iterable[int]) -> None:
        now = datetime.now(UTC).isoformat()
        with self._database.writing() as database:
            database.executemany(
                "UPDATE outbox SET published_at = ? WHERE number = ?", [(now, number) for number in numbers]
            )
