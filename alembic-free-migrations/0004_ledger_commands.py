"""The indexes of the list of money movements, and of its filters."""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

FILTERS = ("loanAccountId", "requestedBy.id", "kind", "status")


def up(database: Database[dict[str, Any]]) -> None:
    """What is there already stays."""
    order = [("createdAt", ASCENDING), ("_id", ASCENDING)]
    collection = database["ledger-commands"]
    collection.create_index(order, name="oldest")
    for field in FILTERS:
        collection.create_index([(field, ASCENDING), *order], name=f"{field.replace('.', '_')}_oldest")
