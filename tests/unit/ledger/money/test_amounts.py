"""What goes over the wire as an amount."""

from decimal import Decimal
from typing import Any

import pytest

from app.ledger.money.sending import amount_text


@pytest.mark.parametrize(
    ("amount", "text"),
    [("12.5", "12.50"), ("12", "12.00"), ("1E+3", "1000.00"), ("-0.10", "-0.10"), ("-0", "0.00")],
)
def test_equal_amounts_have_one_text(amount: str, text: str) -> None:
    assert amount_text(Decimal(amount)) == text


@pytest.mark.parametrize("amount", ["0.001", "NaN", "Infinity"])
def test_an_invalid_amount_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match=r"amount|cent"):
        amount_text(Decimal(amount))


def test_a_float_is_refused() -> None:
    amount: Any = 12.5
    with pytest.raises(TypeError, match="float"):
        amount_text(amount)
