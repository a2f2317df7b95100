"""The intent behind a ledger command: the movement that a caller requests."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypedDict
from uuid import uuid5

from app.aggregates.base import NAMESPACE


class CommandKind(StrEnum):
    """What is asked; the words of the ``ledger-commands`` collection."""

    REPAYMENT = "repayment"
    LATE_FEE = "late_fee"
    DISHONOUR_FEE = "dishonour_fee"
    FEE_WAIVER = "fee_waiver"
    ADJUSTMENT = "adjustment"
    WRITE_OFF = "write_off"


def command_id_of(idempotency_key: str) -> str:
    """The id of the command with a key: always the same, so that a key can be used for one only."""
    return str(uuid5(NAMESPACE, f"LedgerCommand/{idempotency_key}"))


class Details(TypedDict, total=False):
    """The optional fields of an operation, by the ledger's names; of a write-off, its request."""

    payment_id: str
    payment_method: str
    payment_reference: str
    notes: str
    target_payment_number: int
    schedule_id: str
    days_past_due: int
    reference_id: str
    request_id: str
    requested_by: str
    requested_by_name: str | None


def moved(principal: Decimal | None, fee: Decimal | None) -> Decimal:
    """What an adjustment moves in all: AUD, without sign."""
    return abs(principal or Decimal(0)) + abs(fee or Decimal(0))


@dataclass(frozen=True)
class Intent:
    """A requested movement. Amounts are AUD; ``details`` as in :class:`LedgerCommand`."""

    kind: CommandKind
    loan_account_id: str
    idempotency_key: str
    amount: Decimal | None = None
    principal_delta: Decimal | None = None
    fee_delta: Decimal | None = None
    reason: str | None = None
    details: Details | None = None

    def __post_init__(self) -> None:
        if not self.details:
            object.__setattr__(self, "details", None)

    @property
    def moved(self) -> Decimal:
        """What an adjustment moves in all: AUD, without sign."""
        return moved(self.principal_delta, self.fee_delta)

    @property
    def command_id(self) -> str:
        return command_id_of(self.idempotency_key)
