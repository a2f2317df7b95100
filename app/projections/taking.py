"""Takes a projection's lease from whoever runs it, for a moment."""

from threading import Event as Flag
from typing import Any

from pymongo.database import Database

from app.projections.leases import Lease
from app.projections.positions import COLLECTION

_LOOK_EVERY_S = 0.02


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
