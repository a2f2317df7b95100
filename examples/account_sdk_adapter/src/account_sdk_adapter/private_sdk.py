"""Stands for an event SDK that is private to its owner: its classes, its words, amounts in cents."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Self


class LoanState(Enum):
    AWAITING_PAYOUT = 1
    RUNNING = 2
    ON_HOLD = 3
    ENDED = 4


@dataclass(frozen=True)
class LoanBooked:
    """The SDK's ``account.created.v1``."""

    loan_ref: str
    borrower_ref: str
    state: LoanState
    principal_cents: int
    booked_on: date

    @classmethod
    def from_wire(cls, body: Mapping[str, Any]) -> Self:
        """Raises KeyError, ValueError or TypeError for a body that is not the SDK's."""
        return cls(
            loan_ref=body["loanRef"],
            borrower_ref=body["borrowerRef"],
            state=LoanState[body["state"]],
            principal_cents=int(body["principalCents"]),
            booked_on=date.fromisoformat(body["bookedOn"]),
        )


@dataclass(frozen=True)
class BalanceMoved:
    """The SDK's ``account.updated.v1``."""

    loan_ref: str
    owed_cents: int

    @classmethod
    def from_wire(cls, body: Mapping[str, Any]) -> Self:
        """Raises KeyError, ValueError or TypeError for a body that is not the SDK's."""
        return cls(loan_ref=body["loanRef"], owed_cents=int(body["owedCents"]))
