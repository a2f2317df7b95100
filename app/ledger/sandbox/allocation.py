"""Where the money of a repayment goes: fees first, then principal; and to which instalments."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from app.ledger.sandbox.amounts import NOTHING, text


class Split(NamedTuple):
    """A repayment by what it pays; ``overpayment`` is what nothing was owed for. AUD."""

    to_fees: Decimal
    to_principal: Decimal
    overpayment: Decimal


@dataclass(frozen=True)
class Instalment:
    """One payment of the schedule, and what was paid of it. AUD; ``due_date`` is YYYY-MM-DD or empty."""

    payment_number: int
    due_date: str
    scheduled: Decimal
    paid: Decimal
    transactions: tuple[str, ...] = ()

    @property
    def remaining(self) -> Decimal:
        return self.scheduled - self.paid


@dataclass(frozen=True)
class Allocation:
    """What one repayment did to one instalment; ``status`` and ``remaining`` are as it left them."""

    payment_number: int
    applied: Decimal
    status: str
    remaining: Decimal
    due_date: str
    scheduled: Decimal


@dataclass(frozen=True)
class Plan:
    """The instalments that a repayment pays, and what did not fit, for the operator."""

    allocations: tuple[Allocation, ...] = ()
    warning: str | None = None


def split(amount: Decimal, principal: Decimal, fees: Decimal) -> Split:
    """Fees first, then principal; what is left over is an overpayment."""
    to_fees = min(amount, fees)
    to_principal = min(amount - to_fees, principal)
    return Split(to_fees, to_principal, amount - to_fees - to_principal)


def plan(
    paid: Split,
    owed: Decimal,
    schedule_id: str | None,
    instalments: Sequence[Instalment],
    *,
    target: int | None = None,
    meant_schedule: str | None = None,
) -> Plan:
    """Which instalments a repayment pays: ``target`` first, then the earliest that are open.

    ``owed`` is the total before it. Late and dishonour fees are on no schedule: where more is owed than the
    instalments make up, the part of the repayment that pays fees covers that first. The money is there
    whatever was asked, so a wish that cannot be met is a warning and no refusal.
    """
    if schedule_id is None:
        return Plan(warning="No schedule is known for this account: no instalment was paid.")
    warnings = []
    if meant_schedule is not None and meant_schedule != schedule_id:
        warnings.append(f"The account's schedule is {schedule_id}, not {meant_schedule}.")
    outstanding = sum((each.remaining for each in instalments), NOTHING)
    beside = min(paid.to_fees, max(NOTHING, owed - outstanding))
    rest = paid.to_fees + paid.to_principal - beside
    queue = sorted(instalments, key=lambda each: (each.payment_number != target, each.payment_number))
    aimed = next((each for each in instalments if each.payment_number == target), None)
    if target is not None:
        warnings += _missed(target, aimed, rest)
    allocations = []
    for each in queue:
        applied = min(rest, each.remaining)
        if applied > 0:
            rest -= applied
            allocations.append(_allocation(each, applied))
    if rest > 0:
        warnings.append(f"{text(rest)} fits no instalment: all are paid.")
    return Plan(tuple(allocations), " ".join(warnings) or None)


def _missed(target: int, aimed: Instalment | None, money: Decimal) -> list[str]:
    """Why not all of the money went where it was meant to go."""
    if aimed is None:
        return [f"The schedule has no instalment {target}: the earliest that are open were paid."]
    if aimed.remaining <= 0:
        return [f"Instalment {target} was paid already: the earliest that are open were paid."]
    if money > aimed.remaining:
        over = text(money - aimed.remaining)
        return [
            f"Instalment {target} took {text(aimed.remaining)}; {over} went on to the earliest open ones."
        ]
    return []


def _allocation(instalment: Instalment, applied: Decimal) -> Allocation:
    remaining = instalment.remaining - applied
    return Allocation(
        payment_number=instalment.payment_number,
        applied=applied,
        status="PARTIAL" if remaining else "PAID",
        remaining=remaining,
        due_date=instalment.due_date,
        scheduled=instalment.scheduled,
    )
