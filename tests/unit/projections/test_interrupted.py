"""A run that ends at any write, and one that goes on from the stored position, come to the same documents."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.aggregates import (
    Actor,
    Conversation,
    Customer,
    LedgerCommand,
    LoanAccount,
    Servicing,
    WriteOffRequest,
)
from app.projections.catalogue import all_projections
from app.projections.engine import Engine
from app.projections.projection import Projection
from app.runtime.settings import Settings
from tests.given import Told, absorb
from tests.mock_mongo import BlownError, Database, Fuse
from tests.projecting import On

DAY = 24 * 60
PROJECTIONS = all_projections(Settings())
WITH_LOOKUPS = [name for name, projection in PROJECTIONS.items() if projection.lookup is not None]
ANN = Actor("ann", "Ann Lee", "operations")


def happenings(chance: Random, count: int) -> Iterator[Told]:
    """News of a few customers and their loans over two months, some of it weeks late, and links last."""
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
                yield account.open(**time, customer_id=customer_id, status="PENDING_DISBURSEMENT")
            case 1 | 2:
                yield account.update(**time, current_balance=amount)
            case 3:
                day = f"2026-03-{chance.randint(1, 14):02}"
                yield account.update(**time, last_payment_date=day, last_payment_amount=amount)
            case 4:
                yield account.change_status(**time, status=chance.choice(("ACTIVE", "SUSPENDED", "CLOSED")))
            case 5:
                yield account.update_aging(**time, bucket=chance.choice(("current", "default", "closed")))
            case 6:
                yield account.close(**time, reason=chance.choice(("PAID_OFF", "WRITTEN_OFF")))
            case 7:
                yield On(Customer, customer_id).report_details(**time, first_name=chance.choice("AB"))
            case 8:
                chat = On(Conversation, f"V{chance.randrange(2)}")
                told = {"customer_id": customer_id} if chance.random() < 0.3 else {}
                yield chat.change_application(**time, **told, application_data={"job": str(number)})
            case _:
                yield from _asked(account, number, time, amount)


def _asked(account: On, number: int, time: dict[str, int], amount: Decimal) -> Iterator[Told]:
    loan = account._business_id
    if number % 2:
        request = On(WriteOffRequest, f"W{number}")
        yield request.request(**time, loan_account_id=loan, amount=amount, reason="other", requested_by="ann")
        yield request.approve(**time, approved_by="bob")
    else:
        command = On(LedgerCommand, f"K{number}")
        what = {"kind": "fee_waiver", "loan_account_id": loan, "idempotency_key": str(number)}
        yield command.request(**time, actor=ANN, amount=amount, **what)
        yield command.rejected(**time, code="FAILED_PRECONDITION", message="no")


def stored(seed: int, count: int) -> Servicing:
    servicing = Servicing.in_memory()
    absorb(servicing, happenings(Random(seed), count))
    return servicing


def fold(projection: Projection, servicing: Servicing, database: Database, batch: int) -> None:
    engine = Engine(projection, servicing, database, batch)  # type: ignore[arg-type]
    while engine.step():
        pass


def documents(projection: Projection, database: Database) -> dict[str, dict[str, Any]]:
    """All documents with all that they hold, but for the position, which moves with the batches."""
    return {each.pop("_id"): each for each in database[projection.name].find({}, {"_position": 0})}


def undisturbed(projection: Projection, servicing: Servicing, batch: int) -> tuple[Any, int]:
    """The documents, and how many writes it took."""
    database = Database()
    fold(projection, servicing, database, batch)
    return documents(projection, database), database.fuse.used


def cut_short(projection: Projection, servicing: Servicing, database: Database, batch: int) -> None:
    with pytest.raises(BlownError):
        fold(projection, servicing, database, batch)


@pytest.mark.parametrize("name", WITH_LOOKUPS)
def test_cut_short_before_each_write(name: str) -> None:
    projection, servicing = PROJECTIONS[name], stored(7, 70)
    expected, writes = undisturbed(projection, servicing, 40)
    assert len(expected) > 3
    for survive in range(writes):
        database = Database()
        database.fuse = Fuse(survive, Random(survive))
        cut_short(projection, servicing, database, 40)
        database.fuse = Fuse()
        fold(projection, servicing, database, 40)
        assert documents(projection, database) == expected, f"cut short before write {survive}"


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(WITH_LOOKUPS), st.integers(0, 2**32))
def test_cut_short_again_and_again_in_other_batches(data: st.DataObject, name: str, seed: int) -> None:
    projection, servicing = PROJECTIONS[name], stored(seed, 50)
    expected, writes = undisturbed(projection, servicing, 1_000)
    database = Database()
    for _ in range(data.draw(st.integers(1, 4), "times cut short")):
        database.fuse = Fuse(data.draw(st.integers(0, max(writes - 1, 0)), "writes"), Random(seed))
        try:
            fold(projection, servicing, database, data.draw(st.integers(1, 60), "batch"))
        except BlownError:
            continue
    database.fuse = Fuse()
    fold(projection, servicing, database, 25)
    assert documents(projection, database) == expected
