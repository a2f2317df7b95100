"""Takes a projection's lease from whoever runs it, for a moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Flag
from typing import Any

from pymongo.database import Database

from app.projections.engine.leases import Lease, beating
from app.projections.engine.positions import COLLECTION

_LOOK_EVERY_S = 0.02


class StoppedError(Exception):
    """Somebody stopped what was going on. What a rebuild has folded is kept: it can be resumed."""


@contextmanager
def taken_from_runner(lease: Lease, database: Database[dict[str, Any]], stop: Flag) -> Iterator[None]:
    """Have the projection's lease, while its runner waits. Raises StoppedError when told to stop before."""
    if not take_from_runner(lease, database, stop):
        raise StoppedError
    with beating([lease]):
        try:
            yield
        finally:
            lease.release()


def take_from_runner(lease: Lease, database: Database[dict[str, Any]], stop: Flag) -> bool:
    """Ask for the lease, and wait until it is given up, or its holder is gone. False when told to stop.

    Whoever runs the projection gives it up after the batch that it is at.
    """
    lease.ask()
    while not stop.is_set():
        record = database[COLLECTION].find_one({"_id": lease.identifier}) or {}
        if lease.take(record):
            return True
        stop.wait(_LOOK_EVERY_S)
    return False
