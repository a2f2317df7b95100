"""Where the money of a repayment goes: fees first, then principal; and to which instalments."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from app.ledger.sandbox.loans import NOTHING, Allocation, Instalment, text


class Split(NamedTuple):
    """A repayment by what it pays, AUD; ``overpayment`` is more than was owed."""

    to_fees: Decimal
    to_principal: Decimal
    overpayment: Decimal


class Plan(NamedTuple):
    """The instalments that a repayment pays, and a warning for the operator if it could not go as asked."""

    allocations: tuple[Allocation, ...] = ()
    warning: str | None = None


def split(amount: Decimal, principal: Decimal, fees: Decimal) -> Split:
    """Fees first, then principal; the rest is an overpayment."""
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
    """Which instalments a repayment pays: ``target`` first, then the earliest open ones.

    ``owed`` is the total before it. Late and dishonour fees are on no schedule, so the part that pays fees
    covers them first. The money has arrived in any case: a target that cannot be met is a warning.
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
            left = each.remaining - applied
            status = "PARTIAL" if left else "PAID"
            allocations.append(
                Allocation(each.payment_number, applied, status, left, each.due_date, each.scheduled)
            )
    if rest > 0:
        warnings.append(f"{text(rest)} fits no instalment: all are paid.")
    return Plan(tuple(allocations), " ".join(warnings) or None)


def _missed(target: int, aimed: Instalment | None, money: Decimal) -> list[str]:
    """Why not all of the money went to the target."""
    if aimed is None:
        return [f"The schedule has no instalment {target}: the earliest that are open were paid."]
    if aimed.remaining <= 0:
        return [f"Instalment {target} was paid already: the earliest that are open were paid."]
    if money > aimed.remaining:
        took, over = text(aimed.remaining), text(money - aimed.remaining)
        return [f"Instalment {target} took {took}; {over} went on to the earliest open ones."]
    return []
