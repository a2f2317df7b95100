"""What a publisher's type checker says, without our plugins: mypy --strict on code that uses the SDK."""

import re
from pathlib import Path

import pytest
from mypy import api

USED_WELL = """
from datetime import UTC, date, datetime
from decimal import Decimal
from app.sdk import AccountCreated, ApplicationDetailChanged, FinalDecision, FreeForm, Message, PaymentNews

today = date(2026, 3, 1)
booked = AccountCreated(account_id="A", customer_id="C", loan_amount=Decimal(10), opened_date=today)
amount: Decimal | None = booked.loan_amount
PaymentNews(payment_number=1, status="paid", amount_paid=Decimal("1.50"))
FinalDecision(decision="APPROVED", blocked_until=None)
ApplicationDetailChanged(employment={"kind": "casual"})
fields: dict[str, str] = Message("account.created.v1", booked, at=datetime.now(UTC)).fields()
Message("fraudCheck_assessment", FreeForm(score=1), conversation="V1")
Message("fraudCheck_assessment", {"score": 1}, conversation="V1")
"""

USED_WRONGLY = """
from app.sdk import AccountCreated, Message
AccountCreated(account_id="A")
AccountCreated(account_id="A", customer_id="C", loan_amount=1.5)
AccountCreated(account_id="A", customer_id="C", status="ACTVE")
AccountCreated(account_id="A", customer_id="C", opend_date=None)
Message("account.created.v1", "text")
"""


def checked(folder: Path, code: str) -> tuple[str, int]:
    file = folder / "publisher.py"
    file.write_text(code)
    report, errors, status = api.run(
        [
            *("--strict", "--config-file=", "--follow-imports=silent", "--no-error-summary"),
            *("--cache-dir", str(folder / "cache"), str(file)),
        ]
    )
    assert errors == ""
    return report, status


def test_a_correctly_typed_publisher_passes(tmp_path: Path) -> None:
    assert checked(tmp_path, USED_WELL) == ("", 0)


@pytest.fixture
def faults(tmp_path: Path) -> list[tuple[int, str]]:
    report, _ = checked(tmp_path, USED_WRONGLY)
    return [(int(line), code) for line, code in re.findall(r"py:(\d+): error: .*\[(.*)\]", report)]


def test_wrong_use_by_a_publisher_is_a_type_error(faults: list[tuple[int, str]]) -> None:
    assert faults == [(3, "call-arg"), (4, "arg-type"), (5, "arg-type"), (6, "call-arg"), (7, "arg-type")]
