"""The indexes that the lists of the REST API need: newest first, by customer and by status."""

from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

FILTERS = {
    "customers": ("ekycStatus",),
    "loan-accounts": ("customerId", "accountStatus"),
    "conversations": ("customerId", "status"),
    "write-off-requests": ("customerId", "loanAccountId", "status"),
}


def up(database: Database[dict[str, Any]]) -> None:
    """Creating an index that exists changes nothing."""
    order = [("createdAt", DESCENDING), ("_id", DESCENDING)]
    for name, fields in FILTERS.items():
        database[name].create_index(order, name="newest")
        for field in fields:
            database[name].create_index([(field, ASCENDING), *order], name=f"{field}_newest")
    database["loan-accounts"].create_index("accountNumber", name="accountNumber")
