"""The indexes of the search keys (``_search``): one each. The documents get their keys by a rebuild.

They are sparse, as few documents have all of them; ascending, for the reason in 0003; and of scalars, as a
range of an array's values is not one interval of its index on MongoDB (decision 0009).
"""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

REBUILD = ("customers", "loan-accounts", "conversations")
KEYS = {
    "customers": (
        *("name1", "name2", "name3", "name4", "name5"),
        *("email", "phone", "code1", "code2"),
    ),
    "loan-accounts": ("code1", "code2", "code3", "code4"),
    "conversations": ("code1", "code2"),
}


def up(database: Database[dict[str, Any]]) -> None:
    """What is there already stays."""
    for name, keys in KEYS.items():
        for key in keys:
            database[name].create_index([(f"_search.{key}", ASCENDING)], name=f"search_{key}", sparse=True)
