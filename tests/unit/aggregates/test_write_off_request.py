"""What a write-off request is beside its messages: its number, and a request that comes again."""

from decimal import Decimal
from typing import Any

from bson.decimal128 import Decimal128

from app.aggregates import WriteOffRequest
from app.aggregates.write_offs.facts import request_number
from app.projections.read_models.write_off_requests.read_model import WriteOffRequests
from tests.support.data.projecting import On, given

ASKED: dict[str, Any] = {
    "loan_account_id": "L1",
    "amount": Decimal("250.00"),
    "reason": "hardship",
    "requested_by": "ann",
}


def test_number_is_readable_and_stable() -> None:
    assert request_number("W1") == request_number("W1")
    assert len({request_number(str(number)) for number in range(2_000)}) == 2_000
    assert len(request_number("W1")) == len("WO-XXXX-XXXX")


def test_second_request_is_ignored() -> None:
    request = On(WriteOffRequest, "W1")
    again = request.request(**(ASKED | {"amount": Decimal("9.00")}))
    given(WriteOffRequests(), request.request(**ASKED)).when(again).shows("W1", amount=Decimal128("250.00"))
