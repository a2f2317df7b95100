"""Faults on demand: each is what its name says, and nothing of it shows where none is asked for."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
import pytest

from app.ledger.client.health import health
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.faults import FaultKind, Faults, FaultSyntaxError
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.servers.sandbox import calling, open_loan, serving
from tests.support.waiting import LONG_S

REPAYMENT = wire.RecordRepaymentRequest(loan_account_id="L1", amount="50.00", idempotency_key="key-1")
BALANCE = wire.GetBalanceRequest(loan_account_id="L1")


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path / "ledger.db")
    open_loan(books)
    yield books
    books.close()


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def target(books: Books, faults: Faults) -> Iterator[str]:
    with serving(books, faults) as target:
        yield target


@pytest.fixture
def ledger(target: str) -> Iterator[Any]:
    with calling(target) as ledger:
        yield ledger


def status_of(call: Any, request: Any, timeout: float = LONG_S) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as failure:
        call(request, timeout=timeout)
    error: Any = failure.value
    return error.code()


def owed(books: Books) -> str:
    return str(books.loan("L1").owed)


@pytest.mark.parametrize(
    ("kind", "status", "left"),
    [
        (FaultKind.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, "600.00"),
        (FaultKind.REJECT, grpc.StatusCode.FAILED_PRECONDITION, "600.00"),
        (FaultKind.HANG, grpc.StatusCode.DEADLINE_EXCEEDED, "600.00"),
        (FaultKind.DROP_AFTER_COMMIT, grpc.StatusCode.UNAVAILABLE, "550.00"),
        (FaultKind.HANG_AFTER_COMMIT, grpc.StatusCode.DEADLINE_EXCEEDED, "550.00"),
    ],
)
def test_the_same_key_settles_an_outcome_lost_to_a_fault(
    books: Books, faults: Faults, ledger: Any, kind: FaultKind, status: grpc.StatusCode, left: str
) -> None:
    faults.add("RecordRepayment", kind, times=1)
    assert status_of(ledger.RecordRepayment, REPAYMENT, 1 if "hang" in kind else LONG_S) == status
    assert owed(books) == left
    answer = ledger.RecordRepayment(REPAYMENT)
    assert answer.idempotent_replay == (left == "550.00")
    assert owed(books) == "550.00"
    assert faults.fired == 1


def test_a_delay_is_waited_for(faults: Faults, ledger: Any) -> None:
    faults.add("GetBalance", FaultKind.DELAY, seconds=0.2)
    started = monotonic()
    assert ledger.GetBalance(BALANCE).total_outstanding == "600.00"
    assert monotonic() - started >= 0.2
    faults.clear()
    ledger.GetBalance(BALANCE, timeout=LONG_S)
    assert faults.fired == 1


def test_a_hung_read_is_ended_by_its_deadline(faults: Faults, ledger: Any, target: str) -> None:
    faults.add("*", FaultKind.HANG)
    assert status_of(ledger.GetBalance, BALANCE, 0.2) == grpc.StatusCode.DEADLINE_EXCEEDED
    assert health(Settings(ledger_target=target)) == "SERVING", "faults are of the ledger's operations only"


def test_a_rejection_is_never_dropped(faults: Faults, ledger: Any) -> None:
    faults.add("RecordRepayment", FaultKind.DROP_AFTER_COMMIT)
    nobody = wire.RecordRepaymentRequest(loan_account_id="nobody", amount="1.00")
    assert status_of(ledger.RecordRepayment, nobody) == grpc.StatusCode.NOT_FOUND
    assert faults.fired == 0


def test_the_same_seed_throws_the_same_dice() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add_text("RecordRepayment:drop-after-commit:0.2")
        return [faults.draw("RecordRepayment", after=True) is not None for _ in range(500)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 60 < sum(struck(1)) < 140


@pytest.mark.parametrize(
    "text",
    [
        "RecordRepayment",
        "Nothing:hang",
        "GetBalance:explode",
        "GetBalance:delay",
        "GetBalance:hang=3",
        "GetBalance:hang:often",
        "GetBalance:hang:0",
        "GetBalance:delay=nan",
    ],
)
def test_an_unknown_fault_is_refused(text: str) -> None:
    with pytest.raises(FaultSyntaxError):
        Faults().add_text(text)


def test_a_deployed_ledger_has_no_apply_fee(books: Books) -> None:
    with serving(books, without=["ApplyFee"]) as target, calling(target) as ledger:
        fee = wire.ApplyFeeRequest(loan_account_id="L1", fee_amount="15.00", fee_type=wire.LATE_FEE)
        assert status_of(ledger.ApplyFee, fee) == grpc.StatusCode.UNIMPLEMENTED
        answer = ledger.ApplyLateFee(wire.ApplyLateFeeRequest(loan_account_id="L1", fee_amount="15.00"))
        assert answer.transaction.total_after == "615.00"


@pytest.mark.parametrize("option", [("--fault", "GetBalance:explode"), ("--without", "Nothing")])
def test_the_command_names_unknown_faults(tmp_path: Path, option: tuple[str, str]) -> None:
    done = Billie({}).end("ledger-sandbox", "--data", str(tmp_path / "ledger.db"), *option)
    assert done.returncode == 2
    assert option[1].rpartition(":")[2] in done.stderr
