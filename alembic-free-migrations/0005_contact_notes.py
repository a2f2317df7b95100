"""Contact notes: what each holds, and the indexes of their lists and filters.

The indexes are ascending, for the reason in 0003.
"""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

COLLECTION = "contact-notes"
FILTERS = ("customerId", "loanAccountId", "noteType", "createdBy.id", "priority")
TEXT = {"bsonType": "string"}
SCHEMA: dict[str, Any] = {
    "bsonType": "object",
    "required": [
        *("_id", "customerId", "noteType", "subject", "content", "priority", "sentiment"),
        *("createdBy", "createdAt", "status"),
    ],
    "properties": {
        "_id": TEXT,
        "customerId": TEXT,
        "loanAccountId": TEXT,
        "conversationId": TEXT,
        "noteType": {
            "enum": [
                *("phone_inbound", "phone_outbound", "email_inbound", "email_outbound", "sms"),
                *("general_enquiry", "complaint", "escalation", "internal_note", "account_update"),
                "collections",
            ]
        },
        "contactDirection": {"enum": ["inbound", "outbound"]},
        "subject": TEXT,
        "content": TEXT,
        "priority": {"enum": ["low", "normal", "high", "urgent"]},
        "sentiment": {"enum": ["positive", "neutral", "negative", "escalation"]},
        "createdBy": {"bsonType": "object", "required": ["id"], "properties": {"id": TEXT, "name": TEXT}},
        "createdAt": {"bsonType": "date"},
        "status": {"enum": ["active", "amended"]},
        "amendsNoteId": TEXT,
        "amendedByNoteId": TEXT,
    },
}


def up(database: Database[dict[str, Any]]) -> None:
    """0001 made the collection. What is there already stays."""
    database.command("collMod", COLLECTION, validator={"$jsonSchema": SCHEMA}, validationLevel="moderate")
    order = [("createdAt", ASCENDING), ("_id", ASCENDING)]
    collection = database[COLLECTION]
    collection.create_index(order, name="oldest")
    for field in FILTERS:
        collection.create_index([(field, ASCENDING), *order], name=f"{field.replace('.', '_')}_oldest")
