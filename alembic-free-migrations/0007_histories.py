"""The read models of what was when: ``portfolio-daily`` and ``customer-timeline``.

Days are found and listed by their ``_id``, months also by their customer, or all of one. The indexes are
ascending, for the reason in 0003.
"""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

TEXT = {"bsonType": "string"}
MONEY = {"bsonType": "decimal"}
NUMBER = {"bsonType": ["int", "long"]}
DAY = {"bsonType": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


def counts(*words: str) -> dict[str, Any]:
    return {"bsonType": "object", "required": list(words), "properties": dict.fromkeys(words, NUMBER)}


SCHEMAS: dict[str, dict[str, Any]] = {
    "portfolio-daily": {
        "bsonType": "object",
        "required": [
            *("_id", "accountsByStatus", "accountsByBucket", "outstandingTotal", "paidTotal", "payments"),
        ],
        "properties": {
            "_id": DAY,
            "accountsByStatus": counts(
                "active", "pending_disbursement", "in_arrears", "paid_off", "written_off"
            ),
            "accountsByBucket": counts("current", "early_arrears", "late_arrears", "default", "closed"),
            "outstandingTotal": MONEY,
            "paidTotal": MONEY,
            "payments": NUMBER,
        },
    },
    "customer-timeline": {
        "bsonType": "object",
        "required": ["_id", "customerId", "month", "entries", "entryCount"],
        "properties": {
            "_id": TEXT,
            "customerId": TEXT,
            "month": TEXT,
            "entries": {
                "bsonType": "array",
                "items": {
                    "bsonType": "object",
                    "required": ["at", "position", "what", "text"],
                    "properties": {
                        "at": {"bsonType": "date"},
                        "position": NUMBER,
                        "what": TEXT,
                        "text": TEXT,
                        "amount": MONEY,
                    },
                },
            },
            "entryCount": NUMBER,
        },
    },
}


def up(database: Database[dict[str, Any]]) -> None:
    """Create what is missing; set the validators."""
    existing = set(database.list_collection_names())
    for name, schema in SCHEMAS.items():
        validation: dict[str, Any] = {"validator": {"$jsonSchema": schema}, "validationLevel": "moderate"}
        if name in existing:
            database.command("collMod", name, **validation)
        else:
            database.create_collection(name, **validation)
    timeline = database["customer-timeline"]
    timeline.create_index([("customerId", ASCENDING), ("month", ASCENDING)], name="customerId_month")
    timeline.create_index([("month", ASCENDING), ("_id", ASCENDING)], name="month")
