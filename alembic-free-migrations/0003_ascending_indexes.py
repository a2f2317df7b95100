"""The lists' indexes, ascending: MongoDB reads them backwards just as well.

A descending index of the embedded server has "C6" before "C69", so that of two pages both held one document,
and neither another.
"""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

FILTERS = {
    "customers": ("ekycStatus",),
    "loan-accounts": ("customerId", "accountStatus"),
    "conversations": ("customerId", "status"),
    "write-off-requests": ("customerId", "loanAccountId", "status"),
}


def up(database: Database[dict[str, Any]]) -> None:
    """The old ones go when the new ones are there. What is done already changes nothing."""
    order = [("createdAt", ASCENDING), ("_id", ASCENDING)]
    for name, fields in FILTERS.items():
        collection = database[name]
        collection.create_index(order, name="oldest")
        for field in fields:
            collection.create_index([(field, ASCENDING), *order], name=f"{field}_oldest")
        for old in {"newest", *(f"{field}_newest" for field in fields)} & set(collection.index_information()):
            collection.drop_index(old)
