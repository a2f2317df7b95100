"""What one person may adjust alone: within a limit, and so are all of theirs on that loan account together.

Otherwise one person could write an account off bit by bit (contract ledger.md, failure 4).
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.aggregates import Actor, AdjustmentRegister, LedgerCommand, is_machine
from app.aggregates.adjustment_register import Adjusted
from app.event_store.unit_of_work import UnitOfWork
from app.ledger.money.command_store import Intent, said
from app.ledger.money.two_people import ForbiddenError


@dataclass(frozen=True)
class Alone:
    """Up to what amount, AUD, one person adjusts one account within so many days."""

    up_to: Decimal
    days: int


def asked_alone(unit: UnitOfWork, intent: Intent, actor: Actor, alone: Alone) -> Intent:
    """The adjustment as it may be: entered in the account's register, or in need of a second person.

    Raises ForbiddenError where it takes a second person, and a machine asks.
    """
    source = said(intent.command_id, "entered")
    register = unit.obtain(AdjustmentRegister, intent.loan_account_id, source)
    before = register.since(datetime.now(UTC) - timedelta(days=alone.days), actor.id)
    if intent.moved + sum(each.moved for each in before) > alone.up_to:
        # Only now, as it loads each: what was rejected moved nothing.
        before = [each for each in before if not _is_rejected(unit, each)]
    if intent.moved + sum(each.moved for each in before) <= alone.up_to:
        register.enter(source, command_id=intent.command_id, by=actor.id, moved=intent.moved)
        return intent
    if is_machine(actor.id):
        raise ForbiddenError("takes_a_person", "This takes a person; the token is a machine's.")
    return replace(intent, needs_approval=True)


def _is_rejected(unit: UnitOfWork, adjusted: Adjusted) -> bool:
    command = unit.obtain(LedgerCommand, adjusted.command_id, said(adjusted.command_id, "looked for"))
    return command.status == "rejected"
