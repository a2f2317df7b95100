"""What a loan account records and decides; what follows from its reports is in tests/unit/contract."""

from decimal import Decimal

import pytest

from app.aggregates import LoanAccount
from tests.support.data.given import message, names


@pytest.fixture
def account() -> LoanAccount:
    return LoanAccount.register("L1", message("first"))


def test_a_message_is_one_event_and_is_absorbed_once_for_ever(account: LoanAccount) -> None:
    account.update(message("m1"), current_balance=Decimal("620.00"), status="ACTIVE")
    account.update(message("m2"), current_balance=Decimal("500.00"))
    account.update(message("m1"), current_balance=Decimal("620.00"), status="ACTIVE")
    assert names(account) == ["Updated", "Updated"]


def test_a_message_that_says_nothing_is_absorbed_too(account: LoanAccount) -> None:
    account.update(message("m1"))
    account.update_aging(message("m2"))
    account.update_schedule(message("m3"), payments=[])
    assert names(account) == ["NothingNewReported"] * 3


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_an_account_belongs_to_the_customer_of_its_newest_creation(
    account: LoanAccount, order: tuple[int, int]
) -> None:
    for minute in order:
        account.open(message(f"m{minute}", at=minute), customer_id=f"C{minute}")
    assert account.customer_id == "C2"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
@pytest.mark.parametrize(
    ("first", "second", "is_open"), [("CLOSED", "ACTIVE", True), ("ACTIVE", "CLOSED", False)]
)
def test_an_account_is_open_by_the_newest_status(
    account: LoanAccount, order: tuple[int, int], first: str, second: str, is_open: bool
) -> None:
    for minute in order:
        account.update(message(f"m{minute}", at=minute), status=(first, second)[minute - 1])
    assert (account.is_open, account.is_closed) == (is_open, not is_open)


def test_an_account_is_not_open_once_it_was_written_off(account: LoanAccount) -> None:
    account.update(message("m1", at=1), status="ACTIVE")
    account.close(message("m2", at=2), reason="WRITTEN_OFF")
    assert (account.is_open, account.is_closed) == (False, True)


def test_the_place_of_the_agreement_is_an_event_of_its_own(account: LoanAccount) -> None:
    """It is personal, and the rest can be stored without a key."""
    account.open(message("m1"), customer_id="C1", signed_loan_agreement_url="https://a/1")
    assert names(account) == ["LinkedToCustomer", "Opened", "AgreementReported"]
