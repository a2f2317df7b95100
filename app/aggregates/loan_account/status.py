"""The words for a loan account's status, and what follows from them (contract: Accounts, rules)."""

from typing import Literal

SdkStatus = Literal["PENDING", "PENDING_DISBURSEMENT", "ACTIVE", "SUSPENDED", "CLOSED"]
"""Upstream's status of an account."""
AccountStatus = Literal["active", "pending_disbursement", "in_arrears", "paid_off", "written_off"]
"""Our status of an account."""
ClosureReason = Literal["PAID_OFF", "WRITTEN_OFF", "ADMIN_CLOSED"]
PaymentStatus = Literal["scheduled", "partial", "paid", "missed"]
PaymentFrequency = Literal["weekly", "fortnightly", "monthly"]
AgingBucket = Literal["current", "early_arrears", "late_arrears", "default", "closed"]

PENDING_WORDS = frozenset(("PENDING", "PENDING_DISBURSEMENT"))
"""Upstream's words for an account that was not paid out yet."""

_ACCOUNT_STATUS = {
    "PENDING": "active",
    "PENDING_DISBURSEMENT": "pending_disbursement",
    "ACTIVE": "active",
    "SUSPENDED": "in_arrears",
    "CLOSED": "paid_off",
}

TERMINAL_STATUSES = frozenset(("paid_off", "written_off"))


def account_status(sdk_status: str, closure_reason: str | None) -> str:
    """Our word for upstream's; a closed account is paid off unless it was written off.

    Raises KeyError for a word that upstream does not have.
    """
    if sdk_status == "CLOSED" and closure_reason == "WRITTEN_OFF":
        return "written_off"
    return _ACCOUNT_STATUS[sdk_status]
