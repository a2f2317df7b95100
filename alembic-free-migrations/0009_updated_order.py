"""The lists' indexes by ``updatedAt``: one for each collection that has it.

Not one for each filter too: an update would write them all. What few documents meet is found by the filter's
own index, and sorted; where many do, this one is walked until the page is full. It is ascending for the
reason in 0003.
"""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

COLLECTIONS = ("customers", "loan-accounts", "conversations", "write-off-requests", "ledger-commands")


def up(database: Database[dict[str, Any]]) -> None:
    """What is there already stays."""
    for name in COLLECTIONS:
        database[name].create_index([("updatedAt", ASCENDING), ("_id", ASCENDING)], name="least_updated")
