"""What a write-off request says, and the number that it is known by."""

from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Literal, Required, TypedDict

_NUMBER_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no letter that reads as a digit


def request_number(request_id: str) -> str:
    """The number that people use on the phone, ``WO-XXXX-XXXX``: always the same for one id."""
    bits = int.from_bytes(sha256(request_id.encode()).digest()[:5])
    letters = "".join(_NUMBER_ALPHABET[bits >> shift & 31] for shift in range(35, -5, -5))
    return f"WO-{letters[:4]}-{letters[4:]}"


WriteOffReason = Literal[
    "hardship",
    "bankruptcy",
    "deceased",
    "unable_to_locate",
    "fraud_victim",
    "disputed",
    "aged_debt",
    "other",
]
WriteOffPriority = Literal["normal", "high", "urgent"]


class RequestFacts(TypedDict, total=False):
    """The contents of a request. Amounts are AUD."""

    loan_account_id: Required[str]
    amount: Required[Decimal]
    reason: Required[str]
    customer_id: str | None
    customer_name: str | None
    account_number: str | None
    original_balance: Decimal | None
    notes: str | None
    priority: str | None
    cause: str | None


class Decision(TypedDict, total=False):
    """Who decided, when and why; of an approval upstream, also where the ledger posted it."""

    by: Required[str]
    decided_at: datetime
    by_name: str | None
    comment: str | None
    ledger_event_id: str | None
    transaction_id: str | None


Outcome = Literal["Approved", "Rejected", "Cancelled"]
BrokenRule = Literal["own_request", "takes_a_person", "already_decided"]
"""The rules of a decision, by the codes of the errors that a caller of the API gets."""
