"""The books: after any requests, the journal balances and nothing is posted twice."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ledger.sandbox.books import Books
from app.ledger.sandbox.errors import KeyReusedError, RejectedError, SandboxError, UnknownAccountError
from app.ledger.sandbox.loans import Kind
from app.ledger.sandbox.messages import statement
from app.ledger.sandbox.operations import Adjustment, Fee, Operation, Repayment, Waiver, WriteOff
from app.ledger.sandbox.outbox import announcements
from app.ledger.wire import accounting_ledger_pb2 as wire
from tests.support.servers.sandbox import PAID_OUT_AT, open_loan

MINUTE = timedelta(minutes=1)


def money(text: str) -> Decimal:
    return Decimal(text)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path / "ledger.db")
    open_loan(books)
    yield books
    books.close()


def repay(amount: str, **more: Any) -> Repayment:
    return Repayment("L1", money(amount), **more)


def late_fee(amount: str) -> Fee:
    return Fee("L1", money(amount), Kind.LATE_FEE, 3)


def outbox(books: Books) -> list[str]:
    return [
        entry["event_id"]
        for posted in books.postings_after(0)
        for entry in announcements(books.loan(posted.loan_account_id), posted)
    ]


def test_each_operation_moves_principal_and_fees(books: Books) -> None:
    books.execute(late_fee("15.00"), None)
    books.execute(Waiver("L1", money("5.00"), "goodwill", "ann"), None)
    books.execute(repay("200.00"), None)
    books.execute(Adjustment("L1", money("-10.00"), money("0.00"), "rounding", "ann"), None)
    books.execute(WriteOff("L1", "hardship", "ann"), None)
    postings = books.loan("L1").postings
    assert [(each.kind, str(each.principal_delta), str(each.fee_delta)) for each in postings] == [
        (Kind.DISBURSEMENT, "500.00", "0.00"),
        (Kind.ESTABLISHMENT_FEE, "0.00", "100.00"),
        (Kind.LATE_FEE, "0.00", "15.00"),
        (Kind.FEE_WAIVER, "0.00", "-5.00"),
        (Kind.REPAYMENT, "-90.00", "-110.00"),
        (Kind.ADJUSTMENT, "-10.00", "0.00"),
        (Kind.WRITE_OFF, "-400.00", "0.00"),
    ]


def test_an_overpayment_is_owed_to_the_customer(books: Books) -> None:
    posted = books.execute(repay("650.00"), None).posting
    assert (posted.total_delta, posted.overpayment) == (money("-600.00"), money("50.00"))
    assert books.loan("L1").closed_as == "PAID_OFF"


@pytest.mark.parametrize(
    ("before", "operation", "message"),
    [
        (None, Waiver("L1", money("100.01"), "r", "ann"), "more than the fees owed, 100.00"),
        (None, late_fee("400.01"), "Fee cap.*1000.00.*600.00 is charged already, so at most 400.00"),
        (None, Adjustment("L1", money("-500.01"), money("0.00"), "r", "ann"), "principal owed, 500.00"),
        (None, Adjustment("L1", money("0.00"), money("-100.01"), "r", "ann"), "fees owed, 100.00"),
        (repay("600.00"), repay("1.00"), r"closed \(PAID_OFF\)"),
        (WriteOff("L1", "r", "ann"), repay("1.00"), r"closed \(WRITTEN_OFF\)"),
        (WriteOff("L1", "r", "ann"), WriteOff("L1", "r", "ann"), "nothing is owed"),
        (repay("600.00"), late_fee("1.00"), "closed"),
    ],
)
def test_a_rejection_names_its_reason(
    books: Books, before: Operation | None, operation: Operation, message: str
) -> None:
    if before is not None:
        books.execute(before, None)
    said, count = outbox(books), len(books.loan("L1").postings)
    with pytest.raises(RejectedError, match=message):
        books.execute(operation, "key")
    assert (outbox(books), len(books.loan("L1").postings)) == (said, count)


def test_a_loan_that_was_not_disbursed_takes_no_posting(books: Books) -> None:
    open_loan(books, "L2", principal="0.00", fee="0.00", instalments=0)
    with pytest.raises(RejectedError, match="not disbursed"):
        books.execute(Repayment("L2", money("1.00")), None)


def test_a_rejected_key_is_free_again(books: Books) -> None:
    with pytest.raises(RejectedError):
        books.execute(Waiver("L1", money("101.00"), "r", "ann"), "key")
    assert not books.execute(Waiver("L1", money("99.00"), "r", "ann"), "key").replay


def test_a_key_with_the_same_content_answers_the_first_result(books: Books) -> None:
    first = books.execute(repay("600.00"), "key")
    again = books.execute(repay("600.00"), "key")
    assert (first.replay, again.replay) == (False, True)
    assert again.posting == first.posting, "though the account is closed now"


@pytest.mark.parametrize(
    "other",
    [
        repay("50.01"),
        repay("50.00", notes="n"),
        late_fee("50.00"),
        replace(repay("50.00"), loan_account_id="L2"),
    ],
)
def test_a_key_with_other_content_is_refused(books: Books, other: Operation) -> None:
    open_loan(books, "L2")
    books.execute(repay("50.00"), "key")
    with pytest.raises(KeyReusedError):
        books.execute(other, "key")
    assert books.loan("L2").owed == money("600.00")


def test_a_key_is_kept_for_its_time_and_no_longer(tmp_path: Path) -> None:
    now = [PAID_OUT_AT]
    books = Books(tmp_path / "ledger.db", keep_keys=MINUTE, clock=lambda: now[0])
    open_loan(books)
    books.execute(repay("50.00"), "key")
    now[0] += MINUTE
    assert books.execute(repay("50.00"), "key").replay, "it was reserved a moment after the clock's minute"
    now[0] += MINUTE
    assert not books.execute(repay("50.00"), "key").replay
    books.close()


def test_concurrent_calls_with_one_key_post_once(books: Books) -> None:
    start, outcomes = Barrier(8), []

    def call() -> None:
        start.wait()
        outcomes.append(books.execute(repay("50.00"), "key"))

    threads = [Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.replay for outcome in outcomes) == [False] + [True] * 7
    assert (books.loan("L1").principal, books.loan("L1").fees) == (money("500.00"), money("50.00"))


def test_a_posting_never_exists_without_its_key(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        msg = "the disk is full"
        raise OSError(msg)

    monkeypatch.setattr(books, "_keep", broken)
    with pytest.raises(OSError, match="disk"):
        books.execute(repay("50.00"), "key")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as seen:
        for table, count in (("postings", 2), ("keys", 0)):
            assert seen.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == count, table
    monkeypatch.undo()
    assert not books.execute(repay("50.00"), "key").replay


def test_unknown_accounts_are_unknown(books: Books) -> None:
    with pytest.raises(UnknownAccountError, match="nobody"):
        books.execute(Repayment("nobody", money("1.00")), "key")


def test_setting_the_clock_back_makes_no_stale_announcement(tmp_path: Path) -> None:
    now = [PAID_OUT_AT]
    books = Books(tmp_path / "ledger.db", clock=lambda: now[0])
    open_loan(books)
    first = books.execute(repay("50.00"), None).posting
    now[0] -= MINUTE
    assert books.execute(repay("50.00"), None).posting.created_at > first.created_at
    books.close()


@dataclass(frozen=True)
class Step:
    make: Callable[[Decimal], Operation]
    amount: Decimal
    key: int


MAKERS: list[Callable[[Decimal], Operation]] = [
    lambda amount: Repayment("L1", amount),
    lambda amount: Repayment("L1", amount, target_payment_number=2, schedule_id="S-L1"),
    lambda amount: Fee("L1", amount, Kind.LATE_FEE),
    lambda amount: Fee("L1", amount, Kind.DISHONOUR_FEE),
    lambda amount: Waiver("L1", amount, "r", "ann"),
    lambda amount: Adjustment("L1", amount, -amount, "r", "ann"),
    lambda amount: Adjustment("L1", -amount, Decimal("0.00"), "r", "ann"),
    lambda _amount: WriteOff("L1", "r", "ann"),
]
STEPS = st.lists(
    st.builds(
        Step,
        make=st.sampled_from(MAKERS[:-1] * 4 + MAKERS[-1:]),
        amount=st.integers(1, 25_000).map(lambda cents: Decimal(cents).scaleb(-2)),
        key=st.integers(0, 12),
    ),
    max_size=30,
)


@settings(max_examples=60)
@given(steps=STEPS)
def test_after_any_sequence_of_operations_the_books_are_right(steps: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        books = Books(Path(folder) / "ledger.db")
        open_loan(books)
        _run(books, steps)
        loan = books.loan("L1")
        postings = loan.postings
        assert all(each.principal_after >= 0 and each.fee_after >= 0 for each in postings)
        assert sum(each.principal_delta for each in postings) == loan.principal
        assert sum(each.fee_delta for each in postings) == loan.fees
        answer = statement(loan, wire.GetStatementRequest(period_start="2026-03-02", period_end="9999-12-31"))
        assert (answer.opening_balance, Decimal(answer.closing_balance)) == ("0.00", loan.owed)
        assert all(0 <= each.paid <= each.scheduled for each in loan.instalments)
        applied = sum(each.amount_applied for posted in postings for each in posted.allocations)
        assert applied == sum(each.paid for each in loan.instalments)
        assert (loan.closed_as is not None) == (loan.owed == 0)
        books.close()


def _run(books: Books, steps: list[Step]) -> None:
    """Each key stands for the first operation that was posted with it, and for nothing else."""
    stands_for: dict[int, tuple[Operation, int]] = {}
    for step in steps:
        operation, count = step.make(step.amount), len(books.loan("L1").postings)
        before = stands_for.get(step.key)
        try:
            outcome = books.execute(operation, f"key-{step.key}")
        except KeyReusedError:
            assert before is not None
            assert before[0] != operation
        except SandboxError:
            assert before is None
        else:
            assert outcome.replay == (before is not None)
            if before is not None:
                assert (operation, outcome.posting.number) == before
            stands_for[step.key] = (operation, outcome.posting.number)
            count += not outcome.replay
        assert len(books.loan("L1").postings) == count
