"""News of customers, loans, chats, requests and commands at random; stored and folded without a server."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

from app.aggregates import (
    Actor,
    CommandKind,
    Conversation,
    Customer,
    Intent,
    LedgerCommand,
    LoanAccount,
    WriteOffRequest,
)
from app.event_store.application import Servicing
from app.projections.engine.projection import Projection
from app.projections.engine.projector import Projector
from tests.support.data.given import Step, absorb
from tests.support.data.mock_mongo import Database
from tests.support.data.projecting import On

DAY = 24 * 60
ANN = Actor("ann", "Ann Lee", "operations")


def happenings(chance: Random, count: int, *, relinks: bool = True) -> Iterator[Step]:
    """News of two months, some of it weeks late, and links last; with ``relinks``, accounts change hands."""
    accounts = [On(LoanAccount, f"L{number}") for number in range(4)]
    for number in range(count):
        now = (number * 60 * DAY) // count
        time = {"received": now}
        if chance.random() < 0.9:
            time["at"] = now - chance.choice((0, 0, 0, 1, 5, 30)) * DAY
        account = chance.choice(accounts)
        amount = Decimal(chance.randint(0, 50_000)) / 100
        customer_id = f"C{chance.randrange(2)}"
        match chance.randrange(10):
            case 0:
                whose = customer_id if relinks else f"C{accounts.index(account) % 2}"
                yield account.open(**time, customer_id=whose, status="PENDING_DISBURSEMENT")
            case 1 | 2:
                yield account.update(**time, current_balance=amount)
            case 3:
                day = f"2026-03-{chance.randint(1, 14):02}"
                yield account.update(**time, last_payment_date=day, last_payment_amount=amount)
            case 4:
                yield account.update(**time, status=chance.choice(("ACTIVE", "SUSPENDED", "CLOSED")))
            case 5:
                yield account.update_aging(**time, bucket=chance.choice(("current", "default", "closed")))
            case 6:
                yield account.close(**time, reason=chance.choice(("PAID_OFF", "WRITTEN_OFF")))
            case 7:
                yield On(Customer, customer_id).report_details(**time, first_name=chance.choice("AB"))
            case 8:
                chat = On(Conversation, f"V{chance.randrange(2)}")
                customer = {"customer_id": customer_id} if chance.random() < 0.3 else {}
                yield chat.change_application(**time, **customer, application_data={"job": str(number)})
            case _:
                yield from _asked(account, number, time, amount)


def _asked(account: On, number: int, time: dict[str, int], amount: Decimal) -> Iterator[Step]:
    loan = account.business_id
    if number % 2:
        request = On(WriteOffRequest, f"W{number}")
        yield request.request(**time, loan_account_id=loan, amount=amount, reason="other", requested_by="ann")
        yield request.decide(**time, outcome="Approved", by="bob")
    else:
        command = On(LedgerCommand, f"K{number}")
        intent = Intent(CommandKind.FEE_WAIVER, loan, str(number), amount=amount)
        yield command.request(**time, actor=ANN, intent=intent)
        yield command.settle(**time, outcome=LedgerCommand.Rejected(code="FAILED_PRECONDITION", message="no"))


def stored(seed: int, count: int) -> Servicing:
    """A store that holds so many happenings, in the order of their arrival."""
    servicing = Servicing.in_memory()
    for step in happenings(Random(seed), count):
        absorb(servicing, [step])
    return servicing


def fold(projection: Projection, servicing: Servicing, database: Database, batch: int) -> None:
    """Fold all that is stored."""
    engine = Projector(projection, servicing, database, batch)  # type: ignore[arg-type]
    while engine.step():
        pass


def documents(projection: Projection, database: Database) -> dict[str, dict[str, Any]]:
    """All documents with all that they hold, but for the position, which moves with the batches."""
    return {each.pop("_id"): each for each in database[projection.name].find({}, {"_position": 0})}
