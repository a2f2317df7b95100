"""The collection of the rebuilds and verifications that somebody asked for, with its validator and indexes.

The indexes are ascending for the reason in 0003.
"""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

NAME = "projection-jobs"
SCHEMA = {
    "bsonType": "object",
    "required": ["_id", "kind", "projections", "status", "createdAt"],
    "properties": {
        "_id": {"bsonType": "string"},
        "kind": {"enum": ["rebuild", "verify"]},
        "projections": {"bsonType": "array", "items": {"bsonType": "string"}},
        "status": {"enum": ["waiting", "running", "done", "failed", "stopped"]},
        "createdAt": {"bsonType": "date"},
        "updatedAt": {"bsonType": "date"},
    },
}


def up(database: Database[dict[str, Any]]) -> None:
    """Create what is missing; set the validator."""
    validation: dict[str, Any] = {"validator": {"$jsonSchema": SCHEMA}, "validationLevel": "moderate"}
    if NAME in database.list_collection_names():
        database.command("collMod", NAME, **validation)
    else:
        database.create_collection(NAME, **validation)
    database[NAME].create_index([("createdAt", ASCENDING), ("_id", ASCENDING)], name="oldest")
    database[NAME].create_index(
        [("status", ASCENDING), ("createdAt", ASCENDING), ("_id", ASCENDING)], name="status_oldest"
    )
