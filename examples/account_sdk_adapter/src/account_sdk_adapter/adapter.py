"""From the private SDK's events to the payloads of our contract."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from account_sdk_adapter.private_sdk import BalanceMoved, LoanBooked, LoanState

_STATUS = {
    LoanState.AWAITING_PAYOUT: "PENDING_DISBURSEMENT",
    LoanState.RUNNING: "ACTIVE",
    LoanState.ON_HOLD: "SUSPENDED",
    LoanState.ENDED: "CLOSED",
}


def parse(message_type: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """The payload by the contract's keys. Raises ValueError for one that is not the SDK's."""
    try:
        match message_type:
            case "account.created.v1":
                return _created(LoanBooked.from_wire(payload))
            case "account.updated.v1":
                return _updated(BalanceMoved.from_wire(payload))
    except (KeyError, TypeError) as error:
        msg = f"not a payload of the account SDK: {message_type}"
        raise ValueError(msg) from error
    return payload  # The SDK knows no other type: the rest is written as the contract says.


def _created(booked: LoanBooked) -> dict[str, Any]:
    return {
        "account_id": booked.loan_ref,
        "customer_id": booked.borrower_ref,
        "status": _STATUS[booked.state],
        "loan_amount": _amount(booked.principal_cents),
        "opened_date": booked.booked_on,
    }


def _updated(moved: BalanceMoved) -> dict[str, Any]:
    return {"account_id": moved.loan_ref, "current_balance": _amount(moved.owed_cents)}


def _amount(cents: int) -> Decimal:
    return Decimal(cents) / 100
