"""The indexes that find money movements by whoever had a part in them, and those that await approval."""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

REBUILD = ("ledger-commands", "write-off-requests")
FILTERS = ("approval.by.id", "settledBy.id", "writeOffRequestedBy.id", "approval.status")


def up(database: Database[dict[str, Any]]) -> None:
    """What is there already stays."""
    order = [("createdAt", ASCENDING), ("_id", ASCENDING)]
    for field in FILTERS:
        name = f"{field.replace('.', '_')}_oldest"
        # Few movements have these fields.
        present = {field: {"$exists": True}}
        database["ledger-commands"].create_index(
            [(field, ASCENDING), *order], name=name, partialFilterExpression=present
        )
