"""The index of the search keys (``_search``, decision 0009). The documents get their keys by a rebuild.

It is ascending, for the reason in 0003.
"""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

REBUILD = ("customers", "loan-accounts", "conversations")


def up(database: Database[dict[str, Any]]) -> None:
    """What is there already stays."""
    for name in REBUILD:
        database[name].create_index([("_search", ASCENDING)], name="search")
