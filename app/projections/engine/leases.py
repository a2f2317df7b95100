"""One active runner a projection: who has the lease says so every two seconds.

No clocks of different machines are compared: a lease is free when its beat stood still for six seconds of
whoever wants it. Two runners at once would do no harm (a document is only replaced by a newer form of
itself): the lease spares the work, and gives a rebuild the moment in which it swaps.
"""

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from secrets import token_hex
from threading import Event as Flag
from threading import Lock, Thread
from time import monotonic
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.projections.engine.positions import COLLECTION
from app.runtime.observability.logging import in_short

log = logging.getLogger(__name__)

BEAT_EVERY_S = 2.0
GONE_AFTER_S = 6.0
LOOK_EVERY_S = 0.5


class LeaseLostError(RuntimeError):
    """Somebody else took the lease: this process stood still, or was cut off, for six seconds or more."""


def owner_name(role: str) -> str:
    """Who holds a lease, as an operator can find it: ``project on db-7, process 4711 (a3f1)``.

    The last part tells containers apart that share a host's name and are each process 1.
    """
    return f"{role} on {socket.gethostname()}, process {os.getpid()} ({token_hex(2)})"


class Lease:
    """The lease of one document, in ``projection-positions`` by default. Raises pymongo's errors."""

    def __init__(
        self, database: Database[dict[str, Any]], identifier: str, owner: str, collection: str = COLLECTION
    ) -> None:
        self._documents = database[collection]
        self.identifier = identifier
        self.owner = owner
        self._held = False
        self._beat_at = 0.0
        self._seen: tuple[Any, ...] = ()
        self._seen_at = 0.0
        self._renewing = Lock()

    @property
    def held(self) -> bool:
        """Whether we had it when we last looked."""
        return self._held

    def holds(self, record: dict[str, Any]) -> bool:
        """Whether it is ours by this record."""
        self._held = self._held and record.get("lease", {}).get("owner") == self.owner
        return self._held

    def is_sure(self) -> bool:
        """Whether nobody can have taken it: it beat just now.

        What a record says is no beat: it may have been read before this process stood still.
        """
        return self._held and monotonic() - self._beat_at < GONE_AFTER_S / 2

    def confirm(self) -> None:
        """Beat, now. Raises LeaseLostError where it is not ours any more."""
        if not self._beats():
            self._held = False
            msg = f"{self.identifier}: {self.owner} lost the lease, and changes nothing more"
            raise LeaseLostError(msg)

    @property
    def mine(self) -> dict[str, Any]:
        """The filter of the document, as long as the lease is ours."""
        return {"_id": self.identifier, "lease.owner": self.owner}

    def is_wanted(self, record: dict[str, Any]) -> bool:
        """Whether somebody else asks for it."""
        return record.get("lease", {}).get("wantedBy") not in (None, self.owner)

    def holder(self, record: dict[str, Any]) -> str | None:
        """Who has it, by this record: also somebody who may have died."""
        holder: str | None = record.get("lease", {}).get("owner")
        return holder

    def look(self, record: dict[str, Any]) -> tuple[Any, Any, Any]:
        """See by this record whether it still beats: its owner, its beat, and who asks for it."""
        lease = record.get("lease", {})
        seen = lease.get("owner"), lease.get("beat"), lease.get("wantedBy")
        if seen != self._seen:
            self._seen, self._seen_at = seen, monotonic()
        return seen

    def take(self, record: dict[str, Any]) -> bool:
        """Take it, if it is free by this record, or nobody beat for six seconds while we looked."""
        owner, beat, wanted = self.look(record)
        is_free = owner is None and wanted in (None, self.owner)
        if not is_free and monotonic() - self._seen_at < GONE_AFTER_S:
            return False
        asked_at = monotonic()
        changed = self._documents.update_one(
            {"_id": self.identifier, "lease.owner": owner, "lease.beat": beat},
            {"$set": {"lease": {"owner": self.owner, "beat": (beat or 0) + 1}}},
        )
        self._held, self._beat_at = changed.modified_count == 1, asked_at
        return self._held

    def ask(self) -> None:
        """Ask whoever has it to give it up; to be taken then."""
        self._documents.update_one({"_id": self.identifier}, {"$set": {"lease.wantedBy": self.owner}})

    def renew(self) -> None:
        """Beat. Whoever folds sees by the record when it was lost."""
        with self._renewing:
            if self._held:
                self._beats()

    def release(self) -> None:
        """Give it up."""
        with self._renewing:
            self._held = False
            self._documents.update_one(self.mine, {"$set": {"lease.owner": None}, "$inc": {"lease.beat": 1}})

    def let_go(self) -> None:
        """Give it up, if it is held; where MongoDB is away, it runs out by itself."""
        if self._held:
            try:
                self.release()
            except PyMongoError as error:
                log.warning("%s: its lease runs out by itself: %s", self.identifier, in_short(error))

    def _beats(self) -> bool:
        """Beat. Whether it was ours; it counts from before it was asked for: an answer may be late."""
        asked_at = monotonic()
        if not self._documents.update_one(self.mine, {"$inc": {"lease.beat": 1}}).matched_count:
            return False
        self._beat_at = asked_at
        return True


@contextmanager
def beating(leases: Sequence[Lease]) -> Iterator[None]:
    """Renew the leases that are held, as long as this lasts."""
    stop = Flag()

    def beat() -> None:
        while not stop.wait(BEAT_EVERY_S):
            for lease in leases:
                try:
                    lease.renew()
                except PyMongoError as error:
                    # Whoever folds meets the same, waits for the server, and says so.
                    log.debug("A lease could not be renewed: %s", type(error).__name__)

    thread = Thread(target=beat, name="leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
