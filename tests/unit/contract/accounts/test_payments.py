"""Contract, "Accounts": what is a payment, and what is paid."""

import pytest

from tests.support.data.contract import sent
from tests.unit.contract.accounts.loans import at, closed, created, loan, running, status, sums, updated


@pytest.mark.parametrize("by", ["REPAYMENT", "repayment", None])
def test_a_fall_by_a_repayment_or_without_a_type_is_a_payment(by: str | None) -> None:
    found = loan(running(), updated(60, "500.00", by))
    assert found["lastPayment"] == {"date": "2026-03-02", "amount": "120.00"}
    assert found["balances"]["totalPaid"] == "120.00"


@pytest.mark.parametrize("word", ["SUSPENDED", "ACTIVE"])
def test_a_fall_is_a_payment_in_arrears_too(word: str) -> None:
    assert loan(running(), status(1, word), updated(2, "500.00"))["lastPayment"]["amount"] == "120.00"


@pytest.mark.parametrize(
    "by",
    ["LATE_FEE", "DISHONOUR_FEE", "FEE_WAIVER", "ADJUSTMENT", "WRITE_OFF", "ESTABLISHMENT_FEE", "NEW_WORD"],
)
@pytest.mark.parametrize("balance", ["500.00", "700.00"])
def test_every_other_type_moves_what_is_payable_and_not_what_was_paid(by: str, balance: str) -> None:
    found = loan(running(), updated(1, balance, by))
    assert "lastPayment" not in found
    assert found["balances"]["totalPaid"] == "0.00"


def test_a_fall_without_a_type_in_a_message_that_closes_is_no_payment() -> None:
    found = loan(running(), updated(1, "500.00", status="CLOSED"))
    assert "lastPayment" not in found
    assert found["balances"]["totalPaid"] == "0.00"


def test_a_fall_without_a_type_before_the_account_is_active_moves_what_is_payable() -> None:
    waits = created(status="PENDING_DISBURSEMENT", current_balance="620.00")
    found = loan(waits, updated(1, "600.00", status="PENDING_DISBURSEMENT"), status(2, "ACTIVE"))
    assert "lastPayment" not in found
    assert found["balances"]["totalPaid"] == "0.00"


def test_a_rise_without_a_type_moves_what_is_payable() -> None:
    assert sums(running(), updated(1, "520.00"), updated(2, "600.00")) == ("100.00", "600.00")


def test_a_disbursement_of_less_than_is_payable_pays_nothing() -> None:
    waits = created(status="PENDING_DISBURSEMENT", current_balance="0.00", loan_total_payable="52.50")
    disbursed = updated(1, "50.00", "DISBURSEMENT")
    assert sums(waits, disbursed) == ("0.00", "50.00")
    assert sums(waits, disbursed, updated(2, "52.50", "ESTABLISHMENT_FEE")) == ("0.00", "52.50")
    assert sums(waits, disbursed, updated(2, "40.00", "REPAYMENT")) == ("10.00", "40.00")


def test_a_disbursement_from_a_balance_of_nothing_is_the_loan_itself() -> None:
    active = created(status="ACTIVE", current_balance="0.00")
    assert sums(active, updated(1, "600.00", "DISBURSEMENT")) == ("0.00", "600.00")


def test_a_disbursement_is_the_loan_itself_where_no_balance_came_before() -> None:
    waits = created(status="PENDING_DISBURSEMENT")
    assert sums(waits, updated(1, "600.00", "DISBURSEMENT")) == ("0.00", "600.00")


def test_a_further_disbursement_moves_what_is_payable() -> None:
    again = updated(2, "600.00", "DISBURSEMENT")
    assert sums(running(), updated(1, "500.00", "REPAYMENT"), again) == ("120.00", "600.00")


def test_a_running_loan_whose_first_balance_is_lower_was_paid_that_much() -> None:
    assert sums(running("520.00")) == ("100.00", "520.00")


def test_a_payment_is_whole_and_nothing_is_left_of_the_one_before() -> None:
    reported = {"last_payment_date": "2026-02-28", "last_payment_amount": "20.00"}
    only_amount = {"last_payment_amount": "30.00"}
    found = loan(running(), updated(1, "600.00", **reported), updated(2, "570.00", **only_amount))
    assert found["lastPayment"] == {"date": "2026-03-01", "amount": "30.00"}
    only_day = {"last_payment_date": "2026-02-28"}
    found = loan(running(), updated(1, "600.00", **reported), updated(2, "570.00", **only_day))
    assert found["lastPayment"] == {"date": "2026-02-28", "amount": "30.00"}


def test_the_newest_payment_is_by_the_reports_time_not_by_the_day_that_it_tells() -> None:
    first, second = {"last_payment_date": "2026-02-28"}, {"last_payment_date": "2026-02-10"}
    found = loan(running(), updated(1, "600.00", **first), updated(2, "590.00", **second))
    assert found["lastPayment"] == {"date": "2026-02-10", "amount": "10.00"}


def test_a_payment_reported_without_a_fall_is_the_last_one_and_moves_no_total() -> None:
    reported = {"last_payment_date": "2026-02-28", "last_payment_amount": "20.00"}
    found = loan(running(), updated(1, "600.00"), updated(2, "600.00", **reported))
    assert found["lastPayment"] == {"date": "2026-02-28", "amount": "20.00"}
    assert found["balances"]["totalPaid"] == "20.00"
    assert loan(running(), updated(1, **reported))["balances"]["totalPaid"] == "0.00"


def test_two_falls_of_one_transaction_are_one_payment_of_their_sum() -> None:
    paid = {"by": "REPAYMENT", "triggered_by_transaction_id": "T1"}
    found = loan(running(), updated(1, "600.00", **paid), updated(2, "570.00", **paid))
    assert found["lastPayment"]["amount"] == "50.00"
    assert found["balances"]["totalPaid"] == "50.00"


def test_each_fall_without_an_id_is_a_payment_of_its_own_on_one_day_and_of_one_amount_too() -> None:
    falls = [updated(minute, balance) for minute, balance in enumerate(("600.00", "580.00", "560.00"), 1)]
    found = loan(running(), *falls)
    assert found["lastPayment"] == {"date": "2026-03-01", "amount": "20.00"}
    assert found["balances"]["totalPaid"] == "60.00"


def test_by_how_much_a_balance_moved_is_between_neighbours_in_upstream_time() -> None:
    """Of four reports, in any order of arrival, the last fall is the payment."""
    found = loan(running(), updated(1, "600.00"), updated(2, "615.00", "LATE_FEE"), updated(3, "565.00"))
    assert found["lastPayment"] == {"date": "2026-03-01", "amount": "50.00"}
    assert found["balances"]["totalPaid"] == "70.00"


def test_where_a_report_has_no_time_arrival_places_it() -> None:
    came = {
        minute: sent("account.updated.v1", account_id="L1", current_balance=balance, came_in=at(minute))
        for minute, balance in ((1, "600.00"), (3, "560.00"))
    }
    assert loan(running(), came[1], updated(2, "590.00"), came[3])["lastPayment"]["amount"] == "30.00"


def test_a_balance_that_was_written_before_its_fall_counts_no_sum_twice() -> None:
    """Paid, owed, written off and released are what is payable: 620.00, and 15.00 of a fee."""
    steps = [running(), updated(1, "635.00", "LATE_FEE"), updated(2, "535.00", "REPAYMENT")]
    assert sums(*steps, updated(3, "520.00", "FEE_WAIVER")) == ("100.00", "520.00")


def test_a_loan_that_was_not_disbursed_has_nothing_paid() -> None:
    assert sums(created(status="PENDING_DISBURSEMENT", current_balance="0.00")) == ("0.00", "0.00")


def test_a_rise_by_a_repayment_is_one_that_was_reversed() -> None:
    paid = {"by": "REPAYMENT", "triggered_by_transaction_id": "T1"}
    reversed_ = updated(2, "620.00", **paid)
    assert "lastPayment" not in loan(running(), updated(1, "600.00", **paid), reversed_)
    assert sums(running(), updated(1, "600.00", **paid), reversed_) == ("0.00", "620.00")


def test_a_first_balance_of_nothing_by_a_repayment_was_paid() -> None:
    last = updated(1, "0.00", "REPAYMENT", status="ACTIVE")
    assert sums(created(), last, closed(2, "PAID_OFF")) == ("620.00", "0.00")
