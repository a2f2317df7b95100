"""Of what is asked for, one job is open: two who ask at once would both find none, and add one each."""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database


def up(database: Database[dict[str, Any]]) -> None:
    """What is there already stays. Jobs of before lack the field, and are none of these."""
    database["projection-jobs"].create_index(
        [("open", ASCENDING)],
        name="open",
        unique=True,
        partialFilterExpression={"open": {"$exists": True}},
    )
