"""Contract, "Accounts": status, disbursement, which report counts, in any order."""

import pytest

from tests.support.data.contract import documents, sent
from tests.unit.contract.accounts.loans import at, created, loan, running, status, updated


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("PENDING", "active"),
        ("PENDING_DISBURSEMENT", "pending_disbursement"),
        ("ACTIVE", "active"),
        ("SUSPENDED", "in_arrears"),
        ("CLOSED", "paid_off"),
        ("AccountStatus.ACTIVE", "active"),
    ],
)
def test_upstream_status_becomes_account_status(word: str, ours: str) -> None:
    found = loan(created(), status(1, word))
    assert (found["accountStatus"], found["sdkStatus"]) == (ours, word.rpartition(".")[2])


@pytest.mark.parametrize("passed", ["ACTIVE", "SUSPENDED", "CLOSED"])
@pytest.mark.parametrize("back_to", ["PENDING", "PENDING_DISBURSEMENT"])
def test_the_disbursement_gate_is_one_way_and_other_fields_still_apply(passed: str, back_to: str) -> None:
    found = loan(created(), status(1, passed), updated(2, "70.00", status=back_to))
    assert found["sdkStatus"] == passed
    assert found["balances"]["currentBalance"] == "70.00"


def test_a_disbursed_account_is_not_pending_again() -> None:
    found = loan(created(status="PENDING_DISBURSEMENT"), updated(1, "620.00"), status(2, "PENDING"))
    assert found["sdkStatus"] == "ACTIVE"


def test_a_positive_balance_without_a_status_means_active_and_stamps_the_business_day_once() -> None:
    """13:00 UTC is midnight in Sydney."""
    found = loan(
        created(status="PENDING_DISBURSEMENT", current_balance="0.00"),
        updated(60, "620.00"),
        updated(60 * 24, "630.00", "LATE_FEE"),
    )
    assert (found["accountStatus"], found["sdkStatus"]) == ("active", "ACTIVE")
    assert found["loanTerms"]["disbursedDate"] == "2026-03-02"


def test_a_status_of_active_is_the_disbursement_too() -> None:
    found = loan(created(status="PENDING_DISBURSEMENT"), status(1, "ACTIVE"), status(3000, "ACTIVE"))
    assert found["loanTerms"]["disbursedDate"] == "2026-03-01"


def test_a_balance_of_nothing_is_no_disbursement() -> None:
    found = loan(created(status="PENDING_DISBURSEMENT"), updated(1, "0.00"))
    assert found["accountStatus"] == "pending_disbursement"
    assert "disbursedDate" not in found["loanTerms"]


@pytest.mark.parametrize("word", ["SUSPENDED", "CLOSED"])
def test_pending_disbursement_to_suspended_or_closed_stamps_no_disbursed_date(word: str) -> None:
    found = loan(created(status="PENDING_DISBURSEMENT"), status(1, word), status(2, "ACTIVE"))
    assert "disbursedDate" not in found["loanTerms"]


def test_active_inferred_from_a_balance_stands_until_upstream_says_a_status() -> None:
    messages = [created(status="PENDING_DISBURSEMENT"), updated(1, "620.00")]
    assert loan(*messages)["sdkStatus"] == "ACTIVE"
    assert loan(*messages, status(2, "SUSPENDED"))["sdkStatus"] == "SUSPENDED"


def test_an_older_snapshot_overwrites_no_newer_value() -> None:
    found = loan(
        running(), updated(2, "100.00", account_number="B"), updated(1, "300.00", account_number="A")
    )
    assert found["balances"]["currentBalance"] == "100.00"
    assert found["accountNumber"] == "B"


def test_a_replayed_creation_resets_nothing_even_with_a_newer_time() -> None:
    found = loan(
        running(opened_date="2026-03-01"), updated(1, "100.00", status="SUSPENDED"), running(minute=9)
    )
    assert (found["sdkStatus"], found["balances"]["currentBalance"]) == ("SUSPENDED", "100.00")
    assert found["loanTerms"]["openedDate"] == "2026-03-01"


def test_a_creation_without_a_time_is_the_oldest_report_whenever_it_comes() -> None:
    late = sent("account.created.v1", account_id="L1", customer_id="C1", status="PENDING_DISBURSEMENT")
    found = loan(late, updated(1, "620.00"))
    assert (found["accountStatus"], found["customerId"]) == ("active", "C1")


def test_a_creation_without_a_time_takes_no_account_from_the_customer_of_one_with_a_time() -> None:
    timed = sent("account.created.v1", account_id="L1", customer_id="C1", timestamp=at(1))
    untimed = sent("account.created.v1", account_id="L1", customer_id="C2")
    for order in ([timed, untimed], [untimed, timed]):
        assert documents(order)["loan-accounts"]["L1"]["customerId"] == "C1"


def test_a_report_without_a_time_has_the_time_it_came_in() -> None:
    untimed = {"account_id": "L1", "current_balance": "300.00"}
    early = sent("account.updated.v1", untimed, came_in=at(1))
    late = sent("account.updated.v1", untimed, came_in=at(3))
    for report, balance in ((early, "200.00"), (late, "300.00")):
        found = documents([running(), updated(2, "200.00"), report])["loan-accounts"]["L1"]
        assert found["balances"]["currentBalance"] == balance


def test_an_absent_key_clears_nothing_and_any_term_may_be_updated() -> None:
    terms = {
        "commencement_date": "2026-03-02",
        "signed_loan_agreement_url": "https://a/1",
        "loan_fee": "20.00",
    }
    found = loan(running(loan_amount="600.00"), updated(1, **terms), updated(2, "500.00"))
    assert found["loanTerms"] == {
        "loanAmount": "600.00",
        "loanFee": "20.00",
        "totalPayable": "620.00",
        "commencementDate": "2026-03-02",
    }
    assert found["signedLoanAgreementUrl"] == "https://a/1"


def test_total_outstanding_is_the_current_balance_and_total_payable_is_as_reported() -> None:
    found = loan(running(), updated(1, "635.00", "LATE_FEE"))
    assert found["balances"]["totalOutstanding"] == found["balances"]["currentBalance"] == "635.00"
    assert found["loanTerms"]["totalPayable"] == "620.00"
