"""Contract, "Accounts": aging is one fact, and in arrears has one definition."""

import pytest

from tests.support.data.contract import sent
from tests.unit.contract.accounts.loans import aged, at, closed, created, loan, running, status


@pytest.mark.parametrize(
    ("bucket", "late"),
    [
        ("current", False),
        ("closed", False),
        ("early_arrears", True),
        ("late_arrears", True),
        ("default", True),
    ],
)
def test_a_flag_that_is_not_reported_follows_from_the_bucket(bucket: str, late: bool) -> None:
    found = loan(running(), aged(1, bucket))
    assert found["aging"]["isInArrears"] is late
    assert found["inArrears"] is late


def test_a_flag_that_is_reported_stands() -> None:
    assert loan(running(), aged(1, "current", is_in_arrears=True))["inArrears"] is True


def test_bucket_days_and_flag_stand_together() -> None:
    found = loan(running(), aged(1, "late_arrears", dpd=40), aged(2, "current"))
    assert {name: found["aging"].get(name) for name in ("bucket", "daysPastDue", "isInArrears")} == {
        "bucket": "current",
        "daysPastDue": None,
        "isInArrears": False,
    }


def test_the_newest_report_counts_by_its_own_time_else_by_the_messages() -> None:
    untimed = sent("loan.aging.updated.v1", account_id="L1", bucket="default", entry={"timestamp": at(3)})
    found = loan(running(), untimed, aged(2, "current"))
    assert found["aging"]["bucket"] == "default"
    assert found["aging"]["lastUpdated"].isoformat().replace("+00:00", "Z") == at(3)


@pytest.mark.parametrize("minute", [1, 3, 5])
def test_after_a_reopening_the_newest_report_counts_again_whenever_it_came(minute: int) -> None:
    late = aged(minute, "late_arrears", dpd=40)
    found = loan(running(), closed(2, "PAID_OFF"), late, status(4, "ACTIVE"))
    assert (found["aging"]["bucket"], found["inArrears"]) == ("late_arrears", True)


@pytest.mark.parametrize(
    ("word", "bucket", "late"),
    [
        ("SUSPENDED", "current", True),
        ("SUSPENDED", None, True),
        ("ACTIVE", "early_arrears", True),
        ("ACTIVE", "current", False),
        ("ACTIVE", None, False),
        ("PENDING_DISBURSEMENT", "early_arrears", False),
    ],
)
def test_in_arrears_is_by_the_status_or_active_and_by_the_aging(
    word: str, bucket: str | None, late: bool
) -> None:
    reports = [] if bucket is None else [aged(2, bucket)]
    assert loan(created(status=word), *reports)["inArrears"] is late


def test_in_arrears_is_absent_while_the_status_is_unknown() -> None:
    assert "inArrears" not in loan(created(), aged(1, "default"))
