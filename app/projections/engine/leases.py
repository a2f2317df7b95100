"""Leases: one active worker a projection. Its holder beats every two seconds.

No clocks of different machines are compared: a lease is free once its beat has not changed for six seconds on
the clock of the worker that wants it. Two workers at once would do no harm (a document is only replaced by
a newer form of itself): the lease saves work, and gives a rebuild the moment in which it swaps.
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
from typing import Any, cast

from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.errors import BillieError
from app.projections.engine.positions import COLLECTION
from app.runtime.observability.logging import in_short

log = logging.getLogger(__name__)

BEAT_EVERY_S = 2.0
GONE_AFTER_S = 6.0
LOOK_EVERY_S = 0.5
_ASK_EVERY_S = 0.02


class LeaseLostError(BillieError):
    """Another process took the lease: this one was suspended, or cut off, for six seconds or more."""


class StoppedError(BillieError):
    """The work was stopped. What a rebuild has folded is kept: it can be resumed."""


def owner_name(role: str) -> str:
    """The holder of a lease, as an operator can find it: ``project on db-7, process 4711 (a3f1)``.

    The last part distinguishes containers that share a host's name and are each process 1.
    """
    return f"{role} on {socket.gethostname()}, process {os.getpid()} ({token_hex(2)})"


class Lease:
    """The lease in one document of ``projection-positions``. Raises pymongo's errors."""

    def __init__(self, database: Database[dict[str, Any]], identifier: str, owner: str) -> None:
        self._documents = database[COLLECTION]
        self.identifier = identifier
        self.owner = owner
        self.held = False
        """Whether it was ours when we last looked."""
        self._beat_at = 0.0
        self._seen: tuple[Any, ...] = ()
        self._seen_at = 0.0
        self._renewing = Lock()

    @property
    def mine(self) -> dict[str, Any]:
        """The filter that finds the document as long as the lease is ours."""
        return {"_id": self.identifier, "lease.owner": self.owner}

    def holds(self, record: dict[str, Any]) -> bool:
        """Whether it is ours by this record."""
        self.held = self.held and record.get("lease", {}).get("owner") == self.owner
        return self.held

    def is_sure(self) -> bool:
        """Whether nobody can have taken it, because it beat just now.

        A record that says so proves nothing: it may have been read before this process was suspended.
        """
        return self.held and monotonic() - self._beat_at < GONE_AFTER_S / 2

    def make_sure(self) -> None:
        """Beat, unless it is sure to be ours. Raises LeaseLostError if it is not."""
        if not self.is_sure():
            self.confirm()

    def confirm(self) -> None:
        """Beat now. Raises LeaseLostError if it is no longer ours."""
        if not self._beats():
            self.held = False
            raise LeaseLostError(f"{self.identifier}: {self.owner} lost the lease, and changes nothing more")

    def is_wanted(self, record: dict[str, Any]) -> bool:
        """Whether another worker asks for it."""
        return record.get("lease", {}).get("wantedBy") not in (None, self.owner)

    def holder(self, record: dict[str, Any]) -> str | None:
        """The holder by this record, who may have died."""
        return cast("str | None", record.get("lease", {}).get("owner"))

    def look(self, record: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Note whether it still beats. Returns its owner, its beat, and who asks for it."""
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
        self.held, self._beat_at = changed.modified_count == 1, asked_at
        return self.held

    def ask(self) -> None:
        """Ask its holder to give it up."""
        self._documents.update_one({"_id": self.identifier}, {"$set": {"lease.wantedBy": self.owner}})

    def take_from_worker(self, stop: Flag) -> bool:
        """Ask for it, and wait until its holder gives it up, or is gone. False when ``stop`` was set first.

        A worker gives it up after the batch in hand.
        """
        self.ask()
        while not stop.is_set():
            if self.take(self._documents.find_one({"_id": self.identifier}) or {}):
                return True
            stop.wait(_ASK_EVERY_S)
        return False

    def renew(self) -> None:
        """Beat, if it is held. Its holder sees by the record when it was lost."""
        with self._renewing:
            if self.held:
                self._beats()

    def release(self) -> None:
        """Give it up."""
        with self._renewing:
            self.held = False
            self._documents.update_one(self.mine, {"$set": {"lease.owner": None}, "$inc": {"lease.beat": 1}})

    def let_go(self) -> None:
        """Give it up, if it is held; while MongoDB is away, it expires by itself."""
        if self.held:
            try:
                self.release()
            except PyMongoError as error:
                log.warning("%s: the lease expires by itself: %s", self.identifier, in_short(error))

    def _beats(self) -> bool:
        """Beat. Whether it was ours. It counts from the time of the request: an answer may be late."""
        asked_at = monotonic()
        if not self._documents.update_one(self.mine, {"$inc": {"lease.beat": 1}}).matched_count:
            return False
        self._beat_at = asked_at
        return True


@contextmanager
def beating(leases: Sequence[Lease]) -> Iterator[None]:
    """Renew the leases that are held, in a thread, as long as this lasts."""
    stop = Flag()

    def beat() -> None:
        while not stop.wait(BEAT_EVERY_S):
            for lease in leases:
                try:
                    lease.renew()
                except PyMongoError as error:
                    # The worker meets the same error, waits for the server, and logs it.
                    log.debug("A lease could not be renewed: %s", type(error).__name__)

    thread = Thread(target=beat, name="leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def taken_from_worker(lease: Lease, stop: Flag) -> Iterator[None]:
    """Hold a projection's lease while its worker waits. Raises StoppedError when ``stop`` is set first."""
    if not lease.take_from_worker(stop):
        raise StoppedError
    with beating([lease]):
        try:
            yield
        finally:
            lease.release()
