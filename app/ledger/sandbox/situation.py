"""An account at the moment of a request: all that the business rules look at."""

import sqlite3
from dataclasses import dataclass
from decimal import Decimal

from app.ledger.sandbox.accounts import Account
from app.ledger.sandbox.allocation import Instalment
from app.ledger.sandbox.amounts import NOTHING
from app.ledger.sandbox.journal import Kind, balance
from app.ledger.sandbox.schedules import schedule_of

_CHARGES = (Kind.ESTABLISHMENT_FEE, Kind.LATE_FEE, Kind.DISHONOUR_FEE, Kind.FEE_WAIVER)


@dataclass(frozen=True)
class Situation:
    """AUD; ``charged``: fees so far, without those waived."""

    account: Account
    principal: Decimal
    fees: Decimal
    charged: Decimal
    disbursed: Decimal
    schedule_id: str | None
    instalments: list[Instalment]

    @property
    def owed(self) -> Decimal:
        return self.principal + self.fees


def situation_of(database: sqlite3.Connection, account: Account) -> Situation:
    """As the transactions so far have left it."""
    principal, fees = balance(database, account.loan_account_id)
    charged = disbursed = NOTHING
    for kind, principal_delta, fee_delta in database.execute(
        "SELECT kind, principal_delta, fee_delta FROM transactions WHERE loan_account_id = ?",
        (account.loan_account_id,),
    ):
        if kind == Kind.DISBURSEMENT:
            disbursed += Decimal(principal_delta)
        elif kind in _CHARGES:
            charged += Decimal(fee_delta)
    schedule_id, instalments = schedule_of(database, account.loan_account_id)
    return Situation(account, principal, fees, charged, disbursed, schedule_id, instalments)
