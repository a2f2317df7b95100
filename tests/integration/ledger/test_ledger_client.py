"""The client against a real gRPC server that does as the test says."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from decimal import Decimal
from threading import Event
from time import monotonic
from typing import Any, TypeVar

import grpc
import pytest

from app.ledger.client import errors
from app.ledger.client.calls import Breaker
from app.ledger.client.client import CONNECT_SECONDS, LedgerClient
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.runtime.servers.embedded import free_port
from app.runtime.settings.settings import Settings
from tests.support.servers.scripted_ledger import (
    Call,
    balance,
    hangs,
    posted,
    refuses,
    scripted_ledger,
    transaction,
)
from tests.support.waiting import LONG_S

T = TypeVar("T")

NOBODY = "127.0.0.1:1"


def ask(
    target: str,
    question: Callable[[LedgerClient], Awaitable[T]],
    breaker: Breaker | None = None,
    **options: Any,
) -> T:
    patient = {"ledger_read_seconds": LONG_S, "ledger_write_seconds": LONG_S}

    async def asked() -> T:
        async with LedgerClient(Settings(ledger_target=target, **(patient | options)), breaker) as client:
            return await question(client)

    return asyncio.run(asked())


def breaker_that_stays_open() -> Breaker:
    """Its clock stands still: once it is open, it lets no call through."""
    return Breaker(clock=lambda: 0.0)


async def is_ready(client: LedgerClient, **how: float) -> bool:
    try:
        await client.raise_if_down(**how)
    except errors.LedgerDownError:
        return False
    return True


KEY = "key-0001"
REPAYMENT = wire.RecordRepaymentRequest(loan_account_id="L1", amount="10.00", idempotency_key=KEY)
FEE = wire.ApplyFeeRequest(
    loan_account_id="L1", fee_amount="10.00", fee_type=wire.LATE_FEE, idempotency_key=KEY
)
WAIVER = wire.WaiveFeeRequest(
    loan_account_id="L1", waiver_amount="10.00", reason="goodwill", approved_by="eve", idempotency_key=KEY
)
WRITE_OFF = wire.WriteOffRequest(
    loan_account_id="L1", reason="hardship", approved_by="eve", idempotency_key=KEY
)
ADJUSTMENT = wire.MakeAdjustmentRequest(
    loan_account_id="L1",
    principal_delta="-1.50",
    fee_delta="0.00",
    reason="wrong",
    approved_by="eve",
    idempotency_key=KEY,
)
WRITES: dict[str, Callable[[LedgerClient], Awaitable[Any]]] = {
    "RecordRepayment": lambda client: client.post(REPAYMENT),
    "ApplyFee": lambda client: client.post(FEE),
    "WaiveFee": lambda client: client.post(WAIVER),
    "WriteOff": lambda client: client.post(WRITE_OFF),
    "MakeAdjustment": lambda client: client.post(ADJUSTMENT),
}
READS: dict[str, Callable[[LedgerClient], Awaitable[Any]]] = {
    "GetBalance": lambda client: client.get_balance("L1"),
    "GetTransactions": lambda client: client.get_transactions("L1"),
    "GetLedgerRecord": lambda client: client.get_record("L1"),
    "GetStatement": lambda client: client.get_statement(
        "L1", period_start="2026-03-01", period_end="2026-03-31"
    ),
}


@pytest.mark.parametrize("method", WRITES)
def test_a_write_carries_its_key_unchanged_and_returns_the_posting(method: str) -> None:
    with scripted_ledger({method: posted(7, idempotent_replay=True)}) as ledger:
        result = ask(ledger.target, WRITES[method])

    (call,) = ledger.calls(method)
    assert call.request.idempotency_key == "key-0001"
    assert call.request.loan_account_id == "L1"
    assert (result.transaction.transaction_id, result.event_id) == ("T-7", "EV-7")
    assert result.idempotent_replay


def test_a_repayment_returns_its_allocation() -> None:
    took = wire.InstalmentAllocation(
        payment_number=2,
        amount_applied="7.00",
        instalment_status="partial",
        amount_remaining="3.00",
        due_date="2026-04-01",
        scheduled_amount="10.00",
    )
    answer = posted(
        allocated_to_fees="3.00", allocated_to_principal="7.00", overpayment="0.00", allocation_warning="late"
    )
    answer.applied_to_instalments.append(took)
    with scripted_ledger({"RecordRepayment": answer}) as ledger:
        result = ask(ledger.target, WRITES["RecordRepayment"])

    assert (result.allocated_to_fees, result.allocated_to_principal) == (Decimal("3.00"), Decimal("7.00"))
    assert (result.overpayment, result.allocation_warning) == (Decimal(0), "late")
    assert [(each.payment_number, each.amount_remaining) for each in result.instalments] == [
        (2, Decimal("3.00"))
    ]


@pytest.mark.parametrize("method", WRITES)
def test_a_write_is_sent_once(method: str) -> None:
    with scripted_ledger({method: refuses(grpc.StatusCode.UNAVAILABLE)}) as ledger:
        with pytest.raises(errors.LedgerUnreachableError) as raised:
            ask(ledger.target, WRITES[method])

        assert len(ledger.calls(method)) == 1
    assert raised.value.outcome_unknown


@pytest.mark.parametrize("method", READS)
def test_a_read_is_tried_three_times(method: str) -> None:
    with scripted_ledger({method: refuses(grpc.StatusCode.UNAVAILABLE)}) as ledger:
        with pytest.raises(errors.LedgerUnreachableError):
            ask(ledger.target, READS[method])

        assert len(ledger.calls(method)) == 3


def test_a_read_that_succeeds_on_its_second_attempt_is_a_success() -> None:
    script = {"GetBalance": [refuses(grpc.StatusCode.UNAVAILABLE), balance("450.00")]}
    with scripted_ledger(script) as ledger:
        assert ask(ledger.target, READS["GetBalance"]).total_outstanding == Decimal("450.00")


def test_a_read_is_not_tried_again_for_another_reason() -> None:
    with scripted_ledger({"GetBalance": refuses(grpc.StatusCode.INTERNAL)}) as ledger:
        with pytest.raises(errors.LedgerFaultError):
            ask(ledger.target, READS["GetBalance"])

        assert len(ledger.calls("GetBalance")) == 1


@pytest.mark.parametrize("question", [READS["GetBalance"], WRITES["WriteOff"]], ids=["read", "write"])
def test_a_hung_ledger_holds_a_call_until_its_deadline_and_no_longer(
    question: Callable[[LedgerClient], Awaitable[Any]],
) -> None:
    """Also what the ledger hears of it is that deadline."""
    left = list[float]()

    def hang(call: Call) -> bytes:
        left.append(call.context.time_remaining())
        return hangs(call)

    async def asked(client: LedgerClient) -> float:
        await client.raise_if_down(seconds=LONG_S)
        began = monotonic()
        with pytest.raises(errors.LedgerTimeoutError) as raised:
            await question(client)
        assert raised.value.outcome_unknown
        return monotonic() - began

    with scripted_ledger({"GetBalance": hang, "WriteOff": hang}) as ledger:
        took = ask(ledger.target, asked, ledger_read_seconds=0.2, ledger_write_seconds=0.2)

    assert 0.2 <= took < LONG_S, "which is how long the ledger hangs"
    assert all(each < 0.3 for each in left)


UNKNOWN = [
    *("CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
]
SETTLED = ["NOT_FOUND", "FAILED_PRECONDITION", "INVALID_ARGUMENT", "ALREADY_EXISTS", "OUT_OF_RANGE"]
NOT_DONE = ["UNIMPLEMENTED", "PERMISSION_DENIED", "UNAUTHENTICATED"]


@pytest.mark.parametrize("status", [*UNKNOWN, *SETTLED, *NOT_DONE])
def test_every_status_decides_whether_the_write_may_have_posted(status: str) -> None:
    script = {"WriteOff": refuses(grpc.StatusCode[status], "the ledger's words")}
    with scripted_ledger(script) as ledger, pytest.raises(errors.LedgerError) as raised:
        ask(ledger.target, WRITES["WriteOff"])

    error = raised.value
    assert (error.grpc_code, error.message) == (status, "the ledger's words")
    assert error.outcome_unknown == (status in UNKNOWN)
    assert error.settles == (status in SETTLED)


def test_every_grpc_status_is_covered() -> None:
    assert {*UNKNOWN, *SETTLED, *NOT_DONE, "OK"} == set(grpc.StatusCode.__members__)


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff no message",
        wire.TransactionResponse(event_id="EV-1"),
        wire.TransactionResponse(transaction=wire.Transaction(transaction_id="T-1", principal_delta="NaN")),
    ],
    ids=["bytes", "no transaction", "no amount"],
)
def test_an_unreadable_answer_leaves_the_outcome_unknown(answer: Any) -> None:
    with scripted_ledger({"WriteOff": answer}) as ledger, pytest.raises(errors.LedgerFaultError) as raised:
        ask(ledger.target, WRITES["WriteOff"])

    assert raised.value.outcome_unknown


@pytest.mark.parametrize("key", ["", None])
def test_a_write_without_a_key_is_not_sent(key: Any) -> None:
    keyless = wire.RecordRepaymentRequest(loan_account_id="L1", amount="10.00", idempotency_key=key)
    with scripted_ledger({"RecordRepayment": posted()}) as ledger:
        with pytest.raises(ValueError, match="key"):
            ask(ledger.target, lambda client: client.post(keyless))

        assert ledger.calls("RecordRepayment") == []


def test_a_dead_ledger_is_called_three_times_and_holds_nobody() -> None:
    """A hundred calls take less than one deadline, and all but three of them no connection."""

    async def asked(client: LedgerClient) -> list[type[errors.LedgerError]]:
        found = []
        async with asyncio.timeout(LONG_S):
            for _ in range(100):
                with pytest.raises(errors.LedgerUnreachableError) as raised:
                    await client.get_balance("L1")
                found.append(raised.type)
        return found

    found = ask(NOBODY, asked, breaker_that_stays_open())
    assert found == [errors.LedgerUnreachableError] * 3 + [errors.LedgerDownError] * 97


def test_a_silent_ledger_is_reported_before_a_write() -> None:
    assert CONNECT_SECONDS < 0.1

    async def asked(client: LedgerClient) -> bool:
        async with asyncio.timeout(LONG_S / 2):
            return await is_ready(client, seconds=CONNECT_SECONDS)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not ask(f"127.0.0.1:{silent.getsockname()[1]}", asked)


def test_an_unavailable_ledger_is_reported_before_a_write_and_recovers() -> None:
    port = free_port()

    async def asked(client: LedgerClient) -> None:
        async with asyncio.timeout(LONG_S / 2):
            assert not await is_ready(client, seconds=LONG_S), "that nothing listens is known at once"
        for _ in range(3):
            with pytest.raises(errors.LedgerUnreachableError):
                await client.get_balance("L1")
        with pytest.raises(errors.LedgerDownError):
            await client.raise_if_down()
        with scripted_ledger({"GetBalance": balance("1.00")}, port=port):
            async with asyncio.timeout(LONG_S):
                while not await is_ready(client, seconds=LONG_S):
                    await asyncio.sleep(0.02)
            assert (await client.get_balance("L1")).total_outstanding == 1

    ask(f"127.0.0.1:{port}", asked)


def test_a_hung_ledger_is_known_to_be_down_without_waiting_for_deadlines() -> None:
    async def asked(client: LedgerClient) -> None:
        for _ in range(3):
            with pytest.raises(errors.LedgerTimeoutError):
                await client.get_balance("L1")
        for _ in range(50):
            with pytest.raises(errors.LedgerDownError, match="not called"):
                await client.get_balance("L1")

    with scripted_ledger({"GetBalance": hangs}) as ledger:
        ask(ledger.target, asked, breaker_that_stays_open(), ledger_read_seconds=0.1)
        assert len(ledger.calls("GetBalance")) <= 3


@pytest.mark.parametrize("question", [READS["GetBalance"], WRITES["WriteOff"]], ids=["read", "write"])
def test_closing_the_channel_is_no_cancellation_by_the_caller(
    question: Callable[[LedgerClient], Awaitable[Any]],
) -> None:
    there = Event()

    def hang(call: Call) -> bytes:
        there.set()
        return hangs(call)

    async def closed(client: LedgerClient) -> None:
        asking = asyncio.ensure_future(question(client))
        assert await asyncio.to_thread(there.wait, LONG_S / 2)
        await client.close()
        with pytest.raises(errors.LedgerUnreachableError) as raised:
            await asking
        assert raised.value.outcome_unknown

    async def left(client: LedgerClient) -> None:
        asking = asyncio.ensure_future(question(client))
        assert await asyncio.to_thread(there.wait, LONG_S / 2)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    for asked in (closed, left):
        there.clear()
        with scripted_ledger({"GetBalance": hang, "WriteOff": hang}) as ledger:
            ask(ledger.target, asked)


def test_rejections_do_not_open_the_breaker() -> None:
    async def asked(client: LedgerClient) -> None:
        for _ in range(10):
            with pytest.raises(errors.LedgerRejectedError):
                await WRITES["WriteOff"](client)
        await client.raise_if_down()

    with scripted_ledger({"WriteOff": refuses(grpc.StatusCode.FAILED_PRECONDITION)}) as ledger:
        ask(ledger.target, asked)
        assert len(ledger.calls("WriteOff")) == 10


def test_a_ledger_that_is_not_serving_gets_no_write() -> None:
    with (
        scripted_ledger({}, healthy=False) as ledger,
        pytest.raises(errors.LedgerDownError, match="does not serve"),
    ):
        ask(ledger.target, lambda client: client.raise_if_down(seconds=LONG_S))


@pytest.mark.parametrize(
    ("kind", "specific"), [("LATE_FEE", "ApplyLateFee"), ("DISHONOUR_FEE", "ApplyDishonourFee")]
)
def test_a_ledger_without_apply_fee_is_called_with_post_transaction_and_the_same_key(
    kind: Any, specific: str
) -> None:
    async def asked(client: LedgerClient) -> None:
        for number in (1, 2):
            fee = wire.ApplyFeeRequest(
                loan_account_id="L1",
                fee_amount="10.00",
                fee_type=wire.TransactionType.Value(kind),
                idempotency_key=f"key-{number}",
                days_past_due=7,
                reason="late",
                reference_id="R-1",
            )
            await client.post(fee)

    with scripted_ledger({specific: posted()}) as ledger:
        ask(ledger.target, asked)

    assert [call.request.idempotency_key for call in ledger.calls("ApplyFee")] == ["key-1"]
    calls = ledger.calls(specific)
    assert [call.request.idempotency_key for call in calls] == ["key-1", "key-2"]
    assert (calls[0].request.fee_amount, calls[0].request.reason) == ("10.00", "late")
    detail = calls[0].request.days_past_due if kind == "LATE_FEE" else calls[0].request.reference_id
    assert detail == (7 if kind == "LATE_FEE" else "R-1")


def test_a_ledger_that_gains_apply_fee_is_called_with_it() -> None:
    late = [posted(), refuses(grpc.StatusCode.UNIMPLEMENTED)]
    general = [refuses(grpc.StatusCode.UNIMPLEMENTED), posted(2)]

    async def asked(client: LedgerClient) -> list[str]:
        return [(await WRITES["ApplyFee"](client)).event_id for _ in range(3)]

    with scripted_ledger({"ApplyFee": general, "ApplyLateFee": late}) as ledger:
        assert ask(ledger.target, asked) == ["EV-1", "EV-2", "EV-2"]
    assert (len(ledger.calls("ApplyFee")), len(ledger.calls("ApplyLateFee"))) == (3, 2)


def test_an_unknown_fee_is_not_sent_by_another_method() -> None:
    with scripted_ledger(
        {"ApplyFee": refuses(grpc.StatusCode.UNAVAILABLE), "ApplyLateFee": posted()}
    ) as ledger:
        with pytest.raises(errors.LedgerUnreachableError):
            ask(ledger.target, WRITES["ApplyFee"])

        assert ledger.calls("ApplyLateFee") == []


def test_a_watch_sends_postings_and_resumes_at_a_given_one() -> None:
    def tell(call: Call) -> Any:
        return iter([transaction(2), transaction(3)])

    async def asked(client: LedgerClient) -> list[str]:
        return [each.transaction_id async for each in client.watch_transactions("L1", after="T-1")]

    with scripted_ledger({"WatchTransactions": tell}) as ledger:
        assert ask(ledger.target, asked) == ["T-2", "T-3"]
    assert ledger.calls("WatchTransactions")[0].request.from_transaction_id == "T-1"


def test_a_watch_ends_when_its_time_is_over() -> None:
    async def asked(client: LedgerClient) -> list[str]:
        await client.raise_if_down(seconds=LONG_S)
        return [each.transaction_id async for each in client.watch_transactions("L1")]

    def stay(call: Call) -> Any:
        yield transaction(1)
        hangs(call)

    with scripted_ledger({"WatchTransactions": stay}) as ledger:
        assert ask(ledger.target, asked, ledger_watch_seconds=1) == ["T-1"]
