"""The rules of contract messages.md, section "Accounts"."""

from decimal import Decimal
from itertools import permutations

import pytest

from app.aggregates import LoanAccount
from app.projections.read_models.base import Options
from app.projections.read_models.loan_accounts.read_model import LoanAccounts
from tests.support.data.given import fold, message, names

LOAN_ACCOUNTS = LoanAccounts()


@pytest.fixture
def account() -> LoanAccount:
    return LoanAccount.register("L1", message("first"))


@pytest.mark.parametrize(
    ("reported", "status"),
    [
        ("PENDING", "active"),
        ("PENDING_DISBURSEMENT", "pending_disbursement"),
        ("ACTIVE", "active"),
        ("SUSPENDED", "in_arrears"),
        ("CLOSED", "paid_off"),
    ],
)
def test_upstream_status_becomes_account_status(account: LoanAccount, reported: str, status: str) -> None:
    account.change_status(message("m"), status=reported)
    assert account.account_status == status


@pytest.mark.parametrize("passed_by", ["ACTIVE", "SUSPENDED", "CLOSED"])
@pytest.mark.parametrize("back_to", ["PENDING", "PENDING_DISBURSEMENT"])
def test_disbursement_gate_is_one_way(account: LoanAccount, passed_by: str, back_to: str) -> None:
    account.change_status(message("m1", at=1), status=passed_by)
    account.update(message("m2", at=2), status=back_to, current_balance=Decimal("70.00"))
    assert account.sdk_status == passed_by
    assert account.balance == Decimal("70.00"), "other fields of the message still apply"


def test_disbursement_gate_does_not_depend_on_order(account: LoanAccount) -> None:
    account.change_status(message("m2", at=2), status="PENDING_DISBURSEMENT")
    account.change_status(message("m1", at=1), status="ACTIVE")
    assert account.sdk_status == "ACTIVE"


def test_positive_balance_without_status_means_disbursed_once(account: LoanAccount) -> None:
    account.open(message("m1", at=1), customer_id="C1", status="PENDING_DISBURSEMENT")
    account.update(message("m2", at=2), current_balance=Decimal("620.00"))
    assert (account.account_status, account.disbursed_date) == ("active", "2026-03-01")
    account.update(message("m3", at=60 * 24), current_balance=Decimal("600.00"))
    assert names(account).count("Disbursed") == 1


def test_balance_before_creation_means_disbursed_too(account: LoanAccount) -> None:
    account.update(message("m2", at=2), current_balance=Decimal("620.00"))
    account.open(message("m1", at=1), customer_id="C1", status="PENDING_DISBURSEMENT")
    assert (account.account_status, account.disbursed_date) == ("active", "2026-03-01")


def test_zero_balance_is_no_disbursement(account: LoanAccount) -> None:
    account.open(message("m1"), customer_id="C1", status="PENDING_DISBURSEMENT")
    account.update(message("m2"), current_balance=Decimal("0.00"))
    assert account.account_status == "pending_disbursement"


@pytest.mark.parametrize("status", ["paid_off", "written_off"])
@pytest.mark.parametrize("bucket", ["late_arrears", "current", None])
def test_aging_is_ignored_while_terminal(account: LoanAccount, status: str, bucket: str | None) -> None:
    reason = "WRITTEN_OFF" if status == "written_off" else "PAID_OFF"
    account.close(message("m1"), reason=reason)
    assert account.account_status == status
    account.update_aging(message("m2"), bucket=bucket, days_past_due=9)
    assert names(account)[-1] == "AgingIgnored"
    account.update_aging(message("m3"), bucket="closed", days_past_due=0)
    assert names(account)[-1] == "AgingUpdated"


@pytest.mark.parametrize(
    ("trigger", "inferred"), [(None, True), ("REPAYMENT", True), ("LATE_FEE", False), ("FEE_WAIVER", False)]
)
def test_fallen_balance_is_a_payment(account: LoanAccount, trigger: str | None, inferred: bool) -> None:
    account.open(message("m1"), customer_id="C1", status="ACTIVE", current_balance=Decimal("620.00"))
    account.update(
        message("m2", at=5), current_balance=Decimal("500.00"), triggered_by_transaction_type=trigger
    )
    document = fold(LOAN_ACCOUNTS, account)
    assert document is not None
    assert ("lastPayment" in document) is inferred
    if inferred:
        assert document["lastPayment"]["date"] == "2026-03-01"
        assert document["lastPayment"]["amount"].to_decimal() == Decimal("120.00")


@pytest.mark.parametrize(("zone", "day"), [("Australia/Sydney", "2026-03-02"), ("UTC", "2026-03-01")])
def test_an_inferred_payment_is_of_its_day_in_the_time_zone_of_the_business(
    account: LoanAccount, zone: str, day: str
) -> None:
    """21:30 UTC is 08:30 of the next day in Sydney."""
    account.open(message("m1"), customer_id="C1", status="ACTIVE", current_balance=Decimal("100.00"))
    account.update(message("m2", at=570, received=570), current_balance=Decimal("80.00"))
    document = fold(LoanAccounts(Options(time_zone=zone)), account)
    assert document is not None
    assert document["lastPayment"]["date"] == day


def test_fallen_balance_of_an_inactive_account_is_no_payment(account: LoanAccount) -> None:
    account.open(message("m1"), customer_id="C1", status="SUSPENDED", current_balance=Decimal("620.00"))
    account.update(message("m2"), current_balance=Decimal("500.00"))
    assert "PaymentReceived" not in names(account)


def test_stated_payment_wins_over_the_difference(account: LoanAccount) -> None:
    account.open(message("m1"), customer_id="C1", status="ACTIVE", current_balance=Decimal("620.00"))
    account.update(
        message("m2"),
        current_balance=Decimal("500.00"),
        last_payment_amount=Decimal("60.00"),
        last_payment_date="2026-02-28",
    )
    document = fold(LOAN_ACCOUNTS, account)
    assert document is not None
    assert document["lastPayment"]["amount"].to_decimal() == Decimal("60.00")


def test_replayed_creation_resets_no_field(account: LoanAccount) -> None:
    created = {"customer_id": "C1", "status": "ACTIVE", "current_balance": Decimal("620.00")}
    account.open(message("m1", at=1), **created)
    account.update(message("m2", at=2), current_balance=Decimal("100.00"), status="SUSPENDED")
    account.open(message("again", at=3), **created)
    assert (account.balance, account.sdk_status) == (Decimal("100.00"), "SUSPENDED")


def test_older_snapshot_does_not_overwrite_newer(account: LoanAccount) -> None:
    account.update(message("m2", at=2), current_balance=Decimal("100.00"))
    account.update(message("m1", at=1), current_balance=Decimal("620.00"))
    assert account.balance == Decimal("100.00")
    account.update(message("timeless"), current_balance=Decimal("90.00"))
    assert account.balance == Decimal("90.00"), "where either lacks a time, arrival decides"


def test_instalments_may_precede_their_schedule(account: LoanAccount) -> None:
    paid = {"payment_number": 2, "status": "paid", "amount_paid": Decimal("51.00")}
    plan = [
        {"payment_number": number, "due_date": f"2026-03-{number:02}", "amount": Decimal("51.00")}
        for number in (2, 1)
    ]
    account.update_schedule(message("m2"), payments=[paid])
    account.create_schedule(message("m1"), schedule_id="S1", payments=plan)
    other = LoanAccount.register("L1", message("first"))
    other.create_schedule(message("m1"), schedule_id="S1", payments=plan)
    other.update_schedule(message("m2"), payments=[paid])
    early, late = fold(LOAN_ACCOUNTS, account), fold(LOAN_ACCOUNTS, other)
    assert early == late
    assert early is not None
    assert [item["status"] for item in early["repaymentSchedule"]["payments"]] == ["scheduled", "paid"]


def test_instalments_of_another_schedule_wait_for_it(account: LoanAccount) -> None:
    account.create_schedule(message("m1"), schedule_id="S1", payments=[{"payment_number": 1}])
    account.update_schedule(
        message("m2"), schedule_id="S2", payments=[{"payment_number": 1, "status": "paid"}]
    )
    document = fold(LOAN_ACCOUNTS, account)
    assert document is not None
    assert document["repaymentSchedule"]["payments"][0]["status"] == "scheduled"
    account.create_schedule(message("m3"), schedule_id="S2", payments=[{"payment_number": 1}])
    document = fold(LOAN_ACCOUNTS, account)
    assert document is not None
    assert document["repaymentSchedule"]["payments"][0]["status"] == "paid"


def test_message_is_absorbed_only_once(account: LoanAccount) -> None:
    account.update(message("m1"), current_balance=Decimal("620.00"))
    account.update(message("m2"), current_balance=Decimal("500.00"))
    before = names(account)
    account.update(message("m1"), current_balance=Decimal("620.00"))
    assert names(account) == before


def test_message_without_news_is_absorbed_too(account: LoanAccount) -> None:
    account.update(message("m1"))
    assert names(account) == ["NothingNewReported"]


def test_a_repeated_plan_with_fewer_facts_keeps_the_known_ones(account: LoanAccount) -> None:
    plan = [{"payment_number": 1, "amount": Decimal("51.00")}, {"payment_number": 2}]
    whole = {"payments": plan, "payment_frequency": "weekly", "created_date": "2026-03-01"}
    account.create_schedule(message("m1", at=1), schedule_id="S1", **whole)
    account.create_schedule(message("m2", at=2), schedule_id="S1", number_of_payments=2)
    other = LoanAccount.register("L1", message("first"))
    other.create_schedule(message("m2", at=2), schedule_id="S1", number_of_payments=2)
    other.create_schedule(message("m1", at=1), schedule_id="S1", **whole)
    document = fold(LOAN_ACCOUNTS, account)
    assert document is not None
    assert len(document["repaymentSchedule"]["payments"]) == 2
    assert document["repaymentSchedule"]["paymentFrequency"] == "weekly"
    assert fold(LOAN_ACCOUNTS, other) == document


def test_money_that_came_before_the_wait_for_disbursement_is_no_disbursement(account: LoanAccount) -> None:
    account.open(message("m0", at=0), customer_id="C1", status="PENDING")
    account.update(message("m1", at=1), current_balance=Decimal("500.00"))
    account.change_status(message("m2", at=2), status="PENDING_DISBURSEMENT")
    assert (account.account_status, account.disbursed_date) == ("pending_disbursement", None)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_disbursed_date_is_the_earliest_reported(account: LoanAccount, order: tuple[int, ...]) -> None:
    account.open(message("m0", at=0), customer_id="C1", status="PENDING_DISBURSEMENT")
    for day in order:
        balance = Decimal(600 - day)
        account.update(message(f"m{day}", at=day * 24 * 60), current_balance=balance)
    assert account.disbursed_date == "2026-03-02"
    assert account.balance == Decimal("598")


def test_partial_last_payment_keeps_the_rest(account: LoanAccount) -> None:
    account.update(message("m1", at=1), last_payment_date="2026-03-01", last_payment_amount=Decimal("60.00"))
    account.update(message("m2", at=2), last_payment_amount=Decimal("7.00"))
    document = fold(LOAN_ACCOUNTS, account)
    assert document is not None
    assert document["lastPayment"]["date"] == "2026-03-01"
    assert document["lastPayment"]["amount"].to_decimal() == Decimal("7.00")


def test_a_report_without_a_schedule_belongs_to_the_previous_one(account: LoanAccount) -> None:
    plan, paid = [{"payment_number": 1}], [{"payment_number": 1, "status": "paid"}]
    other = LoanAccount.register("L1", message("first"))
    account.create_schedule(message("m1", at=1), schedule_id="S1", payments=plan)
    account.update_schedule(message("m2", at=2), payments=paid)
    account.create_schedule(message("m3", at=3), schedule_id="S2", payments=plan)
    other.create_schedule(message("m3", at=3), schedule_id="S2", payments=plan)
    other.update_schedule(message("m2", at=2), payments=paid)
    other.create_schedule(message("m1", at=1), schedule_id="S1", payments=plan)
    for each in (account, other):
        document = fold(LOAN_ACCOUNTS, each)
        assert document is not None
        assert document["repaymentSchedule"]["scheduleId"] == "S2"
        assert document["repaymentSchedule"]["payments"][0]["status"] == "scheduled"


FEE, WAIVER, ADJUSTMENT, WRITE_OFF = "LATE_FEE", "FEE_WAIVER", "ADJUSTMENT", "WRITE_OFF"


def report_balance(account: LoanAccount, minute: int, balance: str, kind: str | None = None) -> None:
    account.update(
        message(f"m{minute}", at=minute),
        current_balance=Decimal(balance),
        triggered_by_transaction_type=kind,
    )


def opened(account: LoanAccount) -> None:
    terms = {"total_payable": Decimal("264.00"), "current_balance": Decimal("264.00")}
    account.open(message("m0", at=0), customer_id="C1", status="ACTIVE", **terms)


def total_paid(account: LoanAccount) -> str | None:
    document = fold(LOAN_ACCOUNTS, account)
    assert document is not None
    paid = document.get("balances", {}).get("totalPaid")
    return None if paid is None else str(paid)


@pytest.mark.parametrize(
    ("movements", "paid"),
    [
        ([("214.00", "REPAYMENT")], "50.00"),
        ([("214.00", None)], "50.00"),
        ([("279.00", FEE)], "0.00"),
        ([("279.00", FEE), ("229.00", "REPAYMENT")], "50.00"),
        ([("279.00", "DISHONOUR_FEE"), ("264.00", WAIVER)], "0.00"),
        ([("164.00", ADJUSTMENT), ("144.00", "REPAYMENT")], "20.00"),
        ([("200.00", "REPAYMENT"), ("0.00", WRITE_OFF)], "64.00"),
        ([("0.00", "REPAYMENT")], "264.00"),
    ],
)
def test_total_paid_ignores_fees_waivers_adjustments_and_write_offs(
    account: LoanAccount, movements: list[tuple[str, str | None]], paid: str
) -> None:
    opened(account)
    for number, (balance, kind) in enumerate(movements, 1):
        report_balance(account, number, balance, kind)
    assert total_paid(account) == paid


@pytest.mark.parametrize("order", list(permutations(range(5))), ids=str)
def test_total_paid_does_not_depend_on_order(account: LoanAccount, order: tuple[int, ...]) -> None:
    messages = [
        lambda: opened(account),
        lambda: report_balance(account, 1, "214.00", "REPAYMENT"),
        lambda: report_balance(account, 2, "229.00", FEE),
        lambda: report_balance(account, 3, "129.00", ADJUSTMENT),
        lambda: report_balance(account, 4, "109.00", "REPAYMENT"),
    ]
    for number in order:
        messages[number]()
    assert total_paid(account) == "70.00"


def test_a_disbursement_is_no_movement_of_its_own(account: LoanAccount) -> None:
    terms = {"total_payable": Decimal("264.00"), "current_balance": Decimal("0.00")}
    account.open(message("m0", at=0), customer_id="C1", status="PENDING_DISBURSEMENT", **terms)
    report_balance(account, 1, "264.00", "DISBURSEMENT")
    report_balance(account, 2, "279.00", FEE)
    report_balance(account, 3, "269.00", "REPAYMENT")
    assert total_paid(account) == "10.00"


def test_a_closing_by_write_off_pays_nothing(account: LoanAccount) -> None:
    opened(account)
    account.close(message("m1", at=1), reason="WRITTEN_OFF", final_balance=Decimal("0.00"))
    assert total_paid(account) == "0.00"


def test_the_closure_reports_the_total_paid(account: LoanAccount) -> None:
    opened(account)
    report_balance(account, 1, "279.00", FEE)
    account.close(message("m2", at=2), final_balance=Decimal(0), total_paid=Decimal("279.00"))
    assert total_paid(account) == "279.00"
