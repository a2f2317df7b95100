"""Contract, "Accounts": closing, reopening, and what a closure says."""

import pytest

from tests.unit.contract.accounts.loans import aged, at, closed, created, loan, running, status, sums, updated

PART_PAID = (running(), updated(1, "495.00", "REPAYMENT"))


def test_paid_off_owes_nothing_even_if_all_else_is_absent() -> None:
    assert sums(*PART_PAID, closed(2, "PAID_OFF")) == ("620.00", "0.00")
    assert sums(created(), closed(2, "PAID_OFF")) == ("620.00", "0.00")


def test_a_closing_without_a_reason_is_paid_off() -> None:
    found = loan(*PART_PAID, closed(2))
    assert found["accountStatus"] == "paid_off"
    assert found["balances"]["currentBalance"] == "0.00"


@pytest.mark.parametrize("final", [{}, {"final_balance": "495.00"}, {"final_balance": "0.00"}])
def test_written_off_owes_nothing_and_says_what_was_given_up(final: dict[str, str]) -> None:
    found = loan(*PART_PAID, closed(2, "WRITTEN_OFF", **final))
    assert found["accountStatus"] == "written_off"
    assert found["closure"]["writtenOffAmount"] == "495.00"
    assert found["balances"] == {"currentBalance": "0.00", "totalOutstanding": "0.00", "totalPaid": "125.00"}


@pytest.mark.parametrize("final", [{}, {"final_balance": "495.00"}, {"final_balance": "0.00"}])
def test_a_write_off_before_written_off_counts_once(final: dict[str, str]) -> None:
    found = loan(*PART_PAID, updated(2, "0.00", "WRITE_OFF"), closed(3, "WRITTEN_OFF", **final))
    assert found["closure"]["writtenOffAmount"] == "495.00"
    assert found["balances"]["totalPaid"] == "125.00"


def test_a_write_off_of_a_part_and_the_rest_are_what_was_given_up() -> None:
    found = loan(
        *PART_PAID, updated(2, "295.00", "WRITE_OFF"), closed(3, "WRITTEN_OFF", final_balance="295.00")
    )
    assert found["closure"]["writtenOffAmount"] == "495.00"
    assert found["balances"]["totalPaid"] == "125.00"


def test_written_off_by_the_final_balance_where_the_payments_before_were_not_reported() -> None:
    found = loan(running(), closed(2, "WRITTEN_OFF", final_balance="495.00", total_paid="125.00"))
    assert found["closure"]["writtenOffAmount"] == "495.00"
    assert found["balances"]["totalPaid"] == "125.00"


@pytest.mark.parametrize("final", [{}, {"final_balance": "495.00"}])
def test_admin_closed_owes_nothing_and_releases_what_was_left(final: dict[str, str]) -> None:
    found = loan(*PART_PAID, closed(2, "ADMIN_CLOSED", **final))
    assert found["accountStatus"] == "paid_off"
    assert found["closure"]["releasedAmount"] == "495.00"
    assert "writtenOffAmount" not in found["closure"]
    assert found["balances"] == {"currentBalance": "0.00", "totalOutstanding": "0.00", "totalPaid": "125.00"}


def test_closed_by_a_status_alone_is_paid_off_and_moves_no_balance() -> None:
    found = loan(*PART_PAID, status(2, "CLOSED"))
    assert found["accountStatus"] == "paid_off"
    assert found["balances"]["currentBalance"] == "495.00"
    assert found["balances"]["totalPaid"] == "125.00"
    assert "closure" not in found


@pytest.mark.parametrize("minute", [2, 4])
def test_a_status_of_closed_beside_a_closure_changes_nothing_of_it(minute: int) -> None:
    found = loan(*PART_PAID, closed(3, "WRITTEN_OFF"), status(minute, "CLOSED"))
    assert (found["accountStatus"], found["sdkStatus"]) == ("written_off", "CLOSED")


def test_of_two_closures_the_newest_counts_whole() -> None:
    first = closed(2, "WRITTEN_OFF", closed_date="2026-03-01", triggered_by_transaction_id="T1")
    found = loan(*PART_PAID, first, closed(3, "PAID_OFF", previous_status="ACTIVE"))
    assert found["closure"] == {"reason": "PAID_OFF", "previousStatus": "ACTIVE"}
    assert found["balances"]["totalPaid"] == "620.00"


def test_a_closures_own_total_counts_where_the_balances_do_not_tell() -> None:
    unknown = created(loan_total_payable=None)
    assert sums(unknown, closed(2, "PAID_OFF", total_paid="620.00"))[0] == "620.00"


def test_a_closures_own_total_that_breaks_the_sum_does_not_count() -> None:
    found = loan(*PART_PAID, closed(2, "WRITTEN_OFF", total_paid="620.00"))
    assert found["closure"]["totalPaid"] == "620.00"
    assert found["balances"]["totalPaid"] == "125.00"


@pytest.mark.parametrize("word", ["ACTIVE", "SUSPENDED"])
@pytest.mark.parametrize("reason", ["PAID_OFF", "WRITTEN_OFF", "ADMIN_CLOSED"])
def test_none_of_a_closures_facts_outlives_a_reopening(reason: str, word: str) -> None:
    found = loan(*PART_PAID, closed(2, reason, total_paid="620.00", final_balance="495.00"), status(3, word))
    assert "closure" not in found
    assert found["balances"] == {
        "currentBalance": "495.00",
        "totalOutstanding": "495.00",
        "totalPaid": "125.00",
    }
    assert found["reopenedAt"].isoformat().replace("+00:00", "Z") == at(3)


def test_a_reopened_write_off_that_is_closed_again_without_a_reason_is_paid_off() -> None:
    found = loan(*PART_PAID, closed(2, "WRITTEN_OFF"), status(3, "ACTIVE"), closed(4))
    assert found["accountStatus"] == "paid_off"
    assert found.get("closure", {}) == {}
    assert found["balances"]["totalPaid"] == "620.00"


def test_reopened_at_goes_when_the_account_is_closed_again() -> None:
    found = loan(*PART_PAID, closed(2, "PAID_OFF"), status(3, "ACTIVE"), status(4, "CLOSED"))
    assert "reopenedAt" not in found


def test_a_write_off_after_a_reopening_counts_what_is_owed_then() -> None:
    found = loan(
        *PART_PAID,
        closed(2, "WRITTEN_OFF", final_balance="495.00"),
        updated(3, "495.00", status="ACTIVE"),
        updated(4, "400.00", "REPAYMENT"),
        closed(5, "WRITTEN_OFF"),
    )
    assert found["closure"]["writtenOffAmount"] == "400.00"
    assert found["balances"]["totalPaid"] == "220.00"


def test_a_pending_status_reopens_nothing() -> None:
    assert loan(*PART_PAID, closed(2, "PAID_OFF"), status(3, "PENDING"))["accountStatus"] == "paid_off"


def test_balances_after_a_closure_do_not_undo_it() -> None:
    assert sums(*PART_PAID, closed(2, "PAID_OFF"), updated(3, "0.00")) == ("620.00", "0.00")
    assert sums(*PART_PAID, closed(2, "WRITTEN_OFF"), updated(3, "495.00")) == ("125.00", "0.00")
    assert sums(*PART_PAID, closed(2, "WRITTEN_OFF"), updated(3, "0.00", "WRITE_OFF")) == ("125.00", "0.00")


@pytest.mark.parametrize("reason", ["PAID_OFF", "WRITTEN_OFF"])
def test_a_closed_account_shows_no_arrears_against_any_report(reason: str) -> None:
    closing = closed(3, reason)
    for minute in (2, 4):
        found = loan(*PART_PAID, closing, aged(minute, "late_arrears", dpd=40, is_in_arrears=True))
        aging = found["aging"]
        assert (aging["bucket"], aging["daysPastDue"], aging["isInArrears"]) == ("closed", 0, False)
        assert aging["lastUpdated"].isoformat().replace("+00:00", "Z") == at(3)
        assert found["inArrears"] is False
