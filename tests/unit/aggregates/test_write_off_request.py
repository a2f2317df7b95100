"""The rules of contract messages.md, section "Write-offs"."""

from decimal import Decimal
from typing import Any

import pytest
from bson.decimal128 import Decimal128

from app.aggregates import WriteOffRequest
from app.aggregates.write_off_request import request_number
from app.projections.read_models.write_off_requests import WriteOffRequests
from tests.support.data.given import fold, message, names
from tests.support.data.projecting import On, given

WRITE_OFF_REQUESTS = WriteOffRequests()

ASKED: dict[str, Any] = {
    "loan_account_id": "L1",
    "amount": Decimal("250.00"),
    "reason": "hardship",
    "requested_by": "ann",
}


@pytest.fixture
def request_made() -> WriteOffRequest:
    request = WriteOffRequest.register("W1", message("first"))
    request.request(message("first"), **ASKED)
    return request


def test_number_is_readable_and_stable() -> None:
    assert request_number("W1") == request_number("W1")
    assert len({request_number(str(number)) for number in range(2_000)}) == 2_000
    assert len(request_number("W1")) == len("WO-XXXX-XXXX")


def test_request_is_decided_once(request_made: WriteOffRequest) -> None:
    request_made.decide(message("m1"), outcome="Rejected", by="bob", comment="not yet")
    request_made.decide(message("m2"), outcome="Approved", by="cyd")
    document = fold(WRITE_OFF_REQUESTS, request_made)
    assert names(request_made)[-1] == "DecisionIgnored"
    assert document is not None
    assert (document["status"], document["decision"]["comment"]) == ("rejected", "not yet")


def test_approver_is_not_the_requester(request_made: WriteOffRequest) -> None:
    request_made.decide(message("m1"), outcome="Approved", by="ann")
    assert names(request_made)[-1] == "DecisionIgnored"
    request_made.decide(message("m2"), outcome="Approved", by="bob", transaction_id="T1")
    document = fold(WRITE_OFF_REQUESTS, request_made)
    assert document is not None
    assert (document["status"], document["ledger"]) == ("approved", {"transactionId": "T1"})


def test_decision_may_precede_its_request() -> None:
    request = On(WriteOffRequest, "W1")
    early = request.decide(at=1, outcome="Approved", by="ann")  # Turns out to be the requester.
    waiting = given(WRITE_OFF_REQUESTS, early, request.decide(at=2, outcome="Cancelled", by="ann")).lacks(
        "W1"
    )
    waiting.when(request.request(at=0, **ASKED)).shows("W1", status="cancelled")


def test_second_request_is_ignored() -> None:
    request = On(WriteOffRequest, "W1")
    again = request.request(**(ASKED | {"amount": Decimal("9.00")}))
    given(WRITE_OFF_REQUESTS, request.request(**ASKED)).when(again).shows("W1", amount=Decimal128("250.00"))


def test_approver_is_not_the_requester_in_another_spelling(request_made: WriteOffRequest) -> None:
    request_made.decide(message("m1"), outcome="Approved", by=" Ann")
    assert names(request_made)[-1] == "DecisionIgnored"


def test_an_unreported_priority_is_absent(request_made: WriteOffRequest) -> None:
    document = fold(WRITE_OFF_REQUESTS, request_made)
    assert document is not None
    assert "priority" not in document
