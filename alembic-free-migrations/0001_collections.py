"""The shared collections: each one's validator, at level moderate, and its indexes.

Fields that begin with ``_`` (``_id`` aside) are the projector's own, so validators leave room for more
properties than they name. All indexes are ascending: MongoDB walks them in either direction.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pymongo import ASCENDING, IndexModel
from pymongo.database import Database

from app.projections.migrations import ensure_collection

Schema = dict[str, Any]

TEXT = {"bsonType": "string"}
TIME = {"bsonType": "date"}
MONEY = {"bsonType": "decimal"}
FLAG = {"bsonType": "bool"}
NUMBER = {"bsonType": ["int", "long"]}
DAY = {"bsonType": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


def one_of(*values: str) -> Schema:
    return {"enum": list(values)}


def thing(required: tuple[str, ...] = (), **properties: Any) -> Schema:
    schema: Schema = {"bsonType": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema


def list_of(items: Schema) -> Schema:
    return {"bsonType": "array", "items": items}


def counts(*names: str) -> Schema:
    return thing(names, **dict.fromkeys(names, NUMBER))


def index(*fields: str, **options: Any) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields], **options)


def by_creation(*filters: str) -> list[IndexModel]:
    """A list by creation: of all, and of what each filter finds."""
    return [index("createdAt", "_id"), *(index(field, "createdAt", "_id") for field in filters)]


def by_creation_of_few(*filters: str) -> list[IndexModel]:
    """The same for fields that few documents have."""
    return [
        index(field, "createdAt", "_id", partialFilterExpression={field: {"$exists": True}})
        for field in filters
    ]


BY_UPDATE = index("updatedAt", "_id")
"""A list by update. Not one for each filter: an update would write them all."""
BY_SEARCH_KEY = index("_search")
PERSON = thing(id=TEXT, name=TEXT)


class Collection(NamedTuple):
    schema: Schema
    indexes: Sequence[IndexModel] = ()


COLLECTIONS = {
    "customers": Collection(
        thing(
            ("_id",),
            _id=TEXT,
            firstName=TEXT,
            lastName=TEXT,
            fullName=TEXT,
            dateOfBirth=DAY,
            ekycStatus=one_of("successful", "failed", "pending"),
            identityVerified=FLAG,
            verifiedAt=TIME,
            flags=thing(staff=FLAG, investor=FLAG, vulnerable=FLAG),
            residentialAddress=thing(street=TEXT, suburb=TEXT, city=TEXT, state=TEXT, postcode=TEXT),
            createdAt=TIME,
            updatedAt=TIME,
        ),
        [*by_creation("ekycStatus"), BY_UPDATE, BY_SEARCH_KEY],
    ),
    "loan-accounts": Collection(
        thing(
            ("_id",),
            _id=TEXT,
            accountNumber=TEXT,
            customerId=TEXT,
            customerName=TEXT,
            loanTerms=thing(
                loanAmount=MONEY,
                loanFee=MONEY,
                totalPayable=MONEY,
                openedDate=DAY,
                commencementDate=DAY,
                disbursedDate=DAY,
            ),
            balances=thing(currentBalance=MONEY, totalOutstanding=MONEY, totalPaid=MONEY),
            lastPayment=thing(date=DAY, amount=MONEY),
            accountStatus=one_of("active", "pending_disbursement", "in_arrears", "paid_off", "written_off"),
            sdkStatus=TEXT,
            repaymentSchedule=thing(
                scheduleId=TEXT,
                numberOfPayments=NUMBER,
                payments=list_of(
                    thing(("paymentNumber",), paymentNumber=NUMBER, dueDate=DAY, amount=MONEY, status=TEXT)
                ),
            ),
            aging=thing(daysPastDue=NUMBER, bucket=TEXT, isInArrears=FLAG, lastUpdated=TIME),
            inArrears=FLAG,
            closure=thing(
                reason=TEXT,
                closedDate=DAY,
                finalBalance=MONEY,
                totalPaid=MONEY,
                writtenOffAmount=MONEY,
                releasedAmount=MONEY,
            ),
            reopenedAt=TIME,
            createdAt=TIME,
            updatedAt=TIME,
        ),
        [
            *by_creation("customerId", "accountStatus"),
            index("inArrears", "createdAt", "_id", partialFilterExpression={"inArrears": True}),
            BY_UPDATE,
            BY_SEARCH_KEY,
            index("accountNumber"),
        ],
    ),
    "conversations": Collection(
        thing(
            ("_id", "status"),
            _id=TEXT,
            customerId=TEXT,
            applicationNumber=TEXT,
            status=TEXT,
            startedAt=TIME,
            lastUtteranceAt=TIME,
            utterances=list_of(thing(username=one_of("customer", "assistant"), createdAt=TIME)),
            utteranceCount=NUMBER,
            noticeboard=list_of(thing(timestamp=TIME)),
            noticeboardCount=NUMBER,
            finalDecision=TEXT,
            decidedAt=TIME,
            createdAt=TIME,
            updatedAt=TIME,
        ),
        [*by_creation("customerId", "status"), BY_UPDATE, BY_SEARCH_KEY],
    ),
    "contact-notes": Collection(
        thing(
            (
                *("_id", "customerId", "noteType", "subject", "content", "priority", "sentiment"),
                *("createdBy", "createdAt", "status"),
            ),
            _id=TEXT,
            customerId=TEXT,
            loanAccountId=TEXT,
            conversationId=TEXT,
            noteType=one_of(
                *("phone_inbound", "phone_outbound", "email_inbound", "email_outbound", "sms"),
                *("general_enquiry", "complaint", "escalation", "internal_note", "account_update"),
                "collections",
            ),
            contactDirection=one_of("inbound", "outbound"),
            subject=TEXT,
            content=TEXT,
            priority=one_of("low", "normal", "high", "urgent"),
            sentiment=one_of("positive", "neutral", "negative", "escalation"),
            createdBy=thing(("id",), id=TEXT, name=TEXT),
            createdAt=TIME,
            status=one_of("active", "amended"),
            amendsNoteId=TEXT,
            amendedByNoteId=TEXT,
        ),
        by_creation("customerId", "loanAccountId", "noteType", "createdBy.id", "priority"),
    ),
    "write-off-requests": Collection(
        thing(
            ("_id", "requestNumber", "loanAccountId", "amount", "status"),
            _id=TEXT,
            requestNumber=TEXT,
            loanAccountId=TEXT,
            customerId=TEXT,
            amount=MONEY,
            originalBalance=MONEY,
            status=one_of("pending", "approved", "rejected", "cancelled"),
            irregular=list_of(TEXT),
            requestedBy=PERSON,
            requestedAt=TIME,
            createdAt=TIME,
            updatedAt=TIME,
        ),
        [
            *by_creation("customerId", "loanAccountId", "status"),
            *by_creation_of_few("irregular"),
            BY_UPDATE,
        ],
    ),
    "ledger-commands": Collection(
        thing(
            ("_id", "kind", "loanAccountId", "status"),
            _id=TEXT,
            kind=TEXT,
            loanAccountId=TEXT,
            amount=MONEY,
            principalDelta=MONEY,
            feeDelta=MONEY,
            status=one_of("requested", "posted", "rejected", "unknown"),
            requestedAt=TIME,
            settledAt=TIME,
        ),
        [
            *by_creation("loanAccountId", "requestedBy.id", "kind", "status"),
            *by_creation_of_few(
                "approval.by.id", "settledBy.id", "writeOffRequestedBy.id", "approval.status"
            ),
            BY_UPDATE,
        ],
    ),
    "portfolio-daily": Collection(
        thing(
            (
                *("_id", "accountsByStatus", "accountsByBucket", "accountsInArrears"),
                *("outstandingTotal", "paidTotal", "payments"),
            ),
            _id=DAY,
            accountsByStatus=counts(
                "active", "pending_disbursement", "in_arrears", "paid_off", "written_off"
            ),
            accountsByBucket=counts("current", "early_arrears", "late_arrears", "default", "closed"),
            accountsInArrears=NUMBER,
            outstandingTotal=MONEY,
            paidTotal=MONEY,
            payments=NUMBER,
        )
    ),
    "customer-timeline": Collection(
        thing(
            ("_id", "customerId", "month", "entries", "entryCount"),
            _id=TEXT,
            customerId=TEXT,
            month=TEXT,
            entries=list_of(
                thing(
                    ("at", "position", "what", "text"),
                    at=TIME,
                    position=NUMBER,
                    what=TEXT,
                    text=TEXT,
                    amount=MONEY,
                )
            ),
            entryCount=NUMBER,
        ),
        [index("customerId", "month"), index("month", "_id")],
    ),
    "projection-positions": Collection(thing(("_id", "position"), _id=TEXT, position=NUMBER)),
    "projection-jobs": Collection(
        thing(
            ("_id", "kind", "projections", "status", "createdAt"),
            _id=TEXT,
            kind=one_of("rebuild", "verify"),
            projections=list_of(TEXT),
            status=one_of("waiting", "running", "done", "failed", "stopped"),
            createdAt=TIME,
            updatedAt=TIME,
        ),
        [
            *by_creation("status"),
            index("open", unique=True, partialFilterExpression={"open": {"$exists": True}}),
            # One job runs at a time, of all processes.
            index("status", unique=True, partialFilterExpression={"status": "running"}),
        ],
    ),
}


def up(database: Database[dict[str, Any]]) -> None:
    """Create what is missing; set every validator."""
    for name, (schema, indexes) in COLLECTIONS.items():
        ensure_collection(database, name, {"$jsonSchema": schema}, indexes)
