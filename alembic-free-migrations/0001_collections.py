"""The shared collections, each with a validator at level moderate.

Fields that begin with ``_`` (``_id`` aside) are the projector's own, so validators leave room for
more properties than they name.
"""

from typing import Any

from pymongo.database import Database

TEXT = {"bsonType": "string"}
TIME = {"bsonType": "date"}
MONEY = {"bsonType": "decimal"}
FLAG = {"bsonType": "bool"}
NUMBER = {"bsonType": ["int", "long"]}
DAY = {"bsonType": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


def one_of(*words: str) -> dict[str, Any]:
    return {"enum": list(words)}


def thing(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"bsonType": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"bsonType": "array", "items": items}


PERSON = thing(id=TEXT, name=TEXT)

SCHEMAS: dict[str, dict[str, Any]] = {
    "customers": thing(
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
    "loan-accounts": thing(
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
        closure=thing(reason=TEXT, closedDate=DAY, finalBalance=MONEY, totalPaid=MONEY),
        createdAt=TIME,
        updatedAt=TIME,
    ),
    "conversations": thing(
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
        finalDecision=one_of("approved", "declined", "referred", "hard_end"),
        createdAt=TIME,
        updatedAt=TIME,
    ),
    "contact-notes": thing(
        ("_id", "customerId", "content"),
        _id=TEXT,
        customerId=TEXT,
        content=TEXT,
        createdBy=PERSON,
        createdAt=TIME,
    ),
    "write-off-requests": thing(
        ("_id", "requestNumber", "loanAccountId", "amount", "status"),
        _id=TEXT,
        requestNumber=TEXT,
        loanAccountId=TEXT,
        customerId=TEXT,
        amount=MONEY,
        originalBalance=MONEY,
        status=one_of("pending", "approved", "rejected", "cancelled"),
        requestedBy=PERSON,
        requestedAt=TIME,
        createdAt=TIME,
        updatedAt=TIME,
    ),
    "ledger-commands": thing(
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
    "projection-positions": thing(("_id", "position"), _id=TEXT, position=NUMBER),
}


def up(database: Database[dict[str, Any]]) -> None:
    """Create what is missing; set every validator."""
    existing = set(database.list_collection_names())
    for name, schema in SCHEMAS.items():
        validation: dict[str, Any] = {
            "validator": {"$jsonSchema": schema},
            "validationLevel": "moderate",
        }
        if name in existing:
            database.command("collMod", name, **validation)
        else:
            database.create_collection(name, **validation)
