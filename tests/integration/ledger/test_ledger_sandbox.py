"""The sandbox ledger over real gRPC: every rpc, with nothing of ours between it and the wire."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from app.ledger.sandbox.books import Books
from app.ledger.wire import accounting_ledger_pb2 as wire
from tests.support.servers.sandbox import calling, open_loan, serving
from tests.support.waiting import LONG_S

REFUSED = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path / "ledger.db")
    open_loan(books)
    yield books
    books.close()


@pytest.fixture
def ledger(books: Books) -> Iterator[Any]:
    with serving(books) as target, calling(target) as ledger:
        yield ledger


def repayment(amount: str = "150.00", **more: Any) -> Any:
    return wire.RecordRepaymentRequest(loan_account_id="L1", amount=amount, **more)


def late_fee(amount: str = "15.00", **more: Any) -> Any:
    return wire.ApplyFeeRequest(loan_account_id="L1", fee_amount=amount, fee_type=wire.LATE_FEE, **more)


def refused(call: Any, request: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as refusal:
        call(request, timeout=LONG_S)
    error: Any = refusal.value
    return error.code(), error.details()


def test_a_repayment_pays_fees_then_principal_and_instalments(ledger: Any) -> None:
    answer = ledger.RecordRepayment(
        repayment(payment_id="P1", payment_method="card", payment_reference="R1", notes="by phone")
    )
    assert (answer.allocated_to_fees, answer.allocated_to_principal) == ("100.00", "50.00")
    assert not answer.HasField("overpayment")
    assert not answer.HasField("allocation_warning")
    assert not answer.idempotent_replay
    posted = answer.transaction
    assert (posted.type, posted.principal_delta, posted.fee_delta, posted.total_delta) == (
        wire.REPAYMENT,
        "-50.00",
        "-100.00",
        "-150.00",
    )
    assert (posted.principal_after, posted.fee_after, posted.total_after) == (
        "450.00",
        "0.00",
        "450.00",
    )
    assert (posted.reference_type, posted.reference_id, posted.notes) == ("payment", "P1", "by phone")
    assert dict(posted.metadata) == {"payment_method": "card", "payment_reference": "R1"}
    assert [
        (each.payment_number, each.amount_applied, each.instalment_status, each.amount_remaining)
        for each in answer.applied_to_instalments
    ] == [(1, "100.00", "PAID", "0.00"), (2, "50.00", "PARTIAL", "50.00")]
    assert answer.applied_to_instalments[1].due_date == "2026-05-02"
    assert answer.applied_to_instalments[1].scheduled_amount == "100.00"


def test_target_and_schedule_are_honoured_or_warned_of(ledger: Any) -> None:
    answer = ledger.RecordRepayment(repayment("100.00", target_payment_number=4, schedule_id="S-L1"))
    assert [each.payment_number for each in answer.applied_to_instalments] == [4]
    assert not answer.allocation_warning
    answer = ledger.RecordRepayment(repayment("100.00", target_payment_number=9, schedule_id="S-OLD"))
    assert [each.payment_number for each in answer.applied_to_instalments] == [1]
    assert "S-OLD" in answer.allocation_warning
    assert "no instalment 9" in answer.allocation_warning


def test_an_overpayment_closes_the_account(ledger: Any) -> None:
    answer = ledger.RecordRepayment(repayment("612.34"))
    assert (answer.overpayment, answer.transaction.total_after) == ("12.34", "0.00")
    status, message = refused(ledger.RecordRepayment, repayment("1.00"))
    assert (status, message) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "Account L1 is closed (PAID_OFF): nothing is owed",
    )


def test_a_repeated_key_answers_the_first_result_and_other_content_is_refused(ledger: Any) -> None:
    first = ledger.RecordRepayment(repayment(idempotency_key="key-1"))
    again = ledger.RecordRepayment(repayment(idempotency_key="key-1"))
    assert again.idempotent_replay
    again.idempotent_replay = False
    assert again == first
    status, _ = refused(ledger.RecordRepayment, repayment("151.00", idempotency_key="key-1"))
    assert status == grpc.StatusCode.ALREADY_EXISTS
    status, _ = refused(ledger.ApplyFee, late_fee("150.00", idempotency_key="key-1"))
    assert status == grpc.StatusCode.ALREADY_EXISTS


def test_concurrent_calls_with_one_key_post_once(books: Books, ledger: Any) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: ledger.RecordRepayment(repayment("50.00", idempotency_key="key-1")), range(32))
        )
    assert len({answer.transaction.transaction_id for answer in answers}) == 1
    assert sum(not answer.idempotent_replay for answer in answers) == 1
    assert str(books.loan("L1").owed) == "550.00"


def test_falling_back_to_the_specific_fee_with_the_same_key_charges_once(ledger: Any) -> None:
    first = ledger.ApplyFee(late_fee(days_past_due=3, reason="r", idempotency_key="fee-1"))
    specific = wire.ApplyLateFeeRequest(
        loan_account_id="L1", fee_amount="15.00", days_past_due=3, reason="r", idempotency_key="fee-1"
    )
    again = ledger.ApplyLateFee(specific)
    assert again.idempotent_replay
    assert again.transaction == first.transaction
    dishonour = ledger.ApplyDishonourFee(
        wire.ApplyDishonourFeeRequest(loan_account_id="L1", fee_amount="10", reference_id="D1")
    )
    assert (dishonour.transaction.type, dishonour.transaction.fee_after) == (wire.DISHONOUR_FEE, "125.00")
    assert dishonour.transaction.reference_id == "D1"


def test_waiver_adjustment_and_write_off(ledger: Any) -> None:
    waived = ledger.WaiveFee(
        wire.WaiveFeeRequest(
            loan_account_id="L1", waiver_amount="40.00", reason="goodwill", approved_by="ann"
        )
    )
    assert (waived.transaction.fee_after, waived.transaction.created_by) == ("60.00", "ann")
    adjusted = ledger.MakeAdjustment(
        wire.MakeAdjustmentRequest(
            loan_account_id="L1", principal_delta="-20.50", fee_delta="0", reason="error", approved_by="ann"
        )
    )
    assert (adjusted.transaction.total_delta, adjusted.transaction.total_after) == ("-20.50", "539.50")
    lost = ledger.WriteOff(
        wire.WriteOffRequest(loan_account_id="L1", reason="hardship", approved_by="ann")
    ).transaction
    assert (lost.total_delta, lost.total_after, lost.type) == ("-539.50", "0.00", wire.WRITE_OFF)


def test_the_record_has_terms_and_totals(ledger: Any) -> None:
    last = ledger.RecordRepayment(repayment()).transaction.transaction_id
    response = ledger.GetLedgerRecord(wire.GetLedgerRecordRequest(loan_account_id="L1"))
    assert (response.account_number, response.customer_id, response.schedule_id) == ("BL-L1", "C-L1", "S-L1")
    assert (response.disbursed_principal, response.establishment_fee, response.total_repayable) == (
        "500.00",
        "100.00",
        "600.00",
    )
    assert (response.total_outstanding, response.total_paid, response.transaction_count) == (
        "450.00",
        "150.00",
        3,
    )
    assert response.last_transaction_id == last
    balance = ledger.GetBalance(wire.GetBalanceRequest(loan_account_id="L1"))
    assert balance.total_outstanding == "450.00"


def test_a_statement_adds_up(ledger: Any) -> None:
    ledger.RecordRepayment(repayment())
    response = ledger.GetStatement(
        wire.GetStatementRequest(loan_account_id="L1", period_start="2026-03-02", period_end="9999-12-31")
    )
    assert (response.opening_balance, response.closing_balance) == ("0.00", "450.00")
    assert (response.fees_charged, response.payments_received) == ("100.00", "150.00")
    assert [(line.charge, line.payment, line.balance) for line in response.lines] == [
        ("500.00", "", "500.00"),
        ("100.00", "", "600.00"),
        ("", "150.00", "450.00"),
    ]


def test_transactions_by_date_type_and_limit(ledger: Any) -> None:
    ledger.RecordRepayment(repayment())

    def kinds(**filters: Any) -> list[int]:
        request = wire.GetTransactionsRequest(loan_account_id="L1", **filters)
        return [each.type for each in ledger.GetTransactions(request).transactions]

    assert kinds() == [wire.REPAYMENT, wire.ESTABLISHMENT_FEE, wire.DISBURSEMENT]
    assert kinds(to_date="2026-03-02") == [wire.ESTABLISHMENT_FEE, wire.DISBURSEMENT]
    assert kinds(from_date="2026-03-03") == [wire.REPAYMENT]
    assert kinds(type_filter=wire.DISBURSEMENT) == [wire.DISBURSEMENT]
    listed = ledger.GetTransactions(wire.GetTransactionsRequest(loan_account_id="L1", limit=1))
    assert (len(listed.transactions), listed.total_count) == (1, 3)


@pytest.mark.parametrize(
    ("rpc", "request_", "field"),
    [
        ("RecordRepayment", repayment("0.00"), "amount"),
        ("RecordRepayment", repayment("-1.00"), "amount"),
        ("RecordRepayment", repayment("1.005"), "amount"),
        ("RecordRepayment", repayment("1e2"), "amount"),
        ("RecordRepayment", repayment("NaN"), "amount"),
        ("RecordRepayment", repayment(""), "amount"),
        ("RecordRepayment", repayment(notes="x" * 1001), "notes"),
        ("RecordRepayment", repayment(idempotency_key=""), "idempotency_key"),
        ("RecordRepayment", wire.RecordRepaymentRequest(amount="1.00"), "loan_account_id"),
        (
            "ApplyFee",
            wire.ApplyFeeRequest(loan_account_id="L1", fee_amount="1", fee_type=wire.REPAYMENT),
            "fee_type",
        ),
        ("ApplyFee", wire.ApplyFeeRequest(loan_account_id="L1", fee_amount="1"), "fee_type"),
        ("ApplyFee", late_fee(days_past_due=-1), "days_past_due"),
        (
            "WaiveFee",
            wire.WaiveFeeRequest(loan_account_id="L1", waiver_amount="1", reason="r"),
            "approved_by",
        ),
        ("WriteOff", wire.WriteOffRequest(loan_account_id="L1", approved_by="ann"), "reason"),
        (
            "MakeAdjustment",
            wire.MakeAdjustmentRequest(
                loan_account_id="L1", principal_delta="0", fee_delta="0.00", reason="r", approved_by="ann"
            ),
            "principal_delta",
        ),
        (
            "GetStatement",
            wire.GetStatementRequest(loan_account_id="L1", period_start="2026-3-1", period_end="2026-03-31"),
            "period_start",
        ),
        (
            "GetStatement",
            wire.GetStatementRequest(
                loan_account_id="L1", period_start="2026-04-01", period_end="2026-03-31"
            ),
            "period_start",
        ),
        ("GetTransactions", wire.GetTransactionsRequest(loan_account_id="L1", limit=0), "limit"),
        ("GetTransactions", wire.GetTransactionsRequest(loan_account_id="L1", to_date="20260306"), "to_date"),
    ],
)
def test_a_bad_argument_is_named(books: Books, ledger: Any, rpc: str, request_: Any, field: str) -> None:
    status, message = refused(getattr(ledger, rpc), request_)
    assert status == REFUSED
    assert field in message
    assert len(books.loan("L1").postings) == 2


@pytest.mark.parametrize(
    ("rpc", "request_"),
    [
        ("GetBalance", wire.GetBalanceRequest(loan_account_id="nobody")),
        ("GetTransactions", wire.GetTransactionsRequest(loan_account_id="nobody")),
        ("GetLedgerRecord", wire.GetLedgerRecordRequest(loan_account_id="nobody")),
        (
            "GetStatement",
            wire.GetStatementRequest(
                loan_account_id="nobody", period_start="2026-01-01", period_end="2026-01-31"
            ),
        ),
        ("RecordRepayment", wire.RecordRepaymentRequest(loan_account_id="nobody", amount="1.00")),
        (
            "WriteOff",
            wire.WriteOffRequest(loan_account_id="nobody", reason="r", approved_by="ann"),
        ),
    ],
)
def test_an_unknown_account_is_not_found(ledger: Any, rpc: str, request_: Any) -> None:
    status, message = refused(getattr(ledger, rpc), request_)
    assert status == grpc.StatusCode.NOT_FOUND
    assert "nobody" in message


def test_a_watch_resumes_after_a_transaction_and_follows_live(books: Books, ledger: Any) -> None:
    first = books.loan("L1").postings[0].transaction_id
    watch = ledger.WatchTransactions(
        wire.WatchTransactionsRequest(loan_account_id="L1", from_transaction_id=first), timeout=LONG_S
    )
    assert next(watch).type == wire.ESTABLISHMENT_FEE
    posted = ledger.RecordRepayment(repayment())
    assert next(watch) == posted.transaction
    open_loan(books, "L2")
    fee = ledger.ApplyFee(late_fee())
    assert next(watch) == fee.transaction, "and nothing of another account"
    watch.cancel()
    with pytest.raises(grpc.RpcError) as ended:
        next(watch)
    assert ended.value.code() == grpc.StatusCode.CANCELLED  # type: ignore[attr-defined]


def test_a_watch_without_a_start_sends_new_postings(ledger: Any) -> None:
    watch = ledger.WatchTransactions(wire.WatchTransactionsRequest(loan_account_id="L1"), timeout=LONG_S)
    watch.initial_metadata()  # It is in place.
    posted = ledger.RecordRepayment(repayment())
    assert next(watch) == posted.transaction
    watch.cancel()


def test_a_watch_cannot_resume_after_an_unknown_event(ledger: Any) -> None:
    request = wire.WatchTransactionsRequest(loan_account_id="L1", from_transaction_id="SBX-9")
    with pytest.raises(grpc.RpcError) as refusal:
        next(ledger.WatchTransactions(request, timeout=LONG_S))
    error: Any = refusal.value
    assert (error.code(), "from_transaction_id" in error.details()) == (REFUSED, True)


def test_an_ended_watch_frees_its_place(ledger: Any) -> None:
    for _ in range(150):
        watch = ledger.WatchTransactions(wire.WatchTransactionsRequest(loan_account_id="L1"), timeout=LONG_S)
        watch.initial_metadata()
        watch.cancel()
    assert ledger.RecordRepayment(repayment(), timeout=LONG_S).transaction.total_after == "450.00"
