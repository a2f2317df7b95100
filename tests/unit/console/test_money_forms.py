"""Money forms: input, and the API body made of it."""

from decimal import Decimal

import pytest

from app.console.pages.money.forms import amount_of, body_of, change_of

MOST = Decimal(100_000)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("150", "150.00"),
        (" 1,234.5 ", "1234.50"),
        ("A$20.00", "20.00"),
        ("$ 7", "7.00"),
        ("100,000", "100000.00"),
    ],
)
def test_an_amount_is_read_in_common_formats(text: str, value: str) -> None:
    assert str(amount_of(text, MOST)) == value


@pytest.mark.parametrize(
    "text",
    ["", " ", "0", "0.001", "1.005", "-1", "+1", "1e3", "12,34", "１２", "NaN", "100000.01", "1 2", "9" * 30],
)
def test_an_invalid_amount(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        amount_of(text, MOST)


def test_a_repayment_holds_only_the_filled_fields() -> None:
    form = {"amount": "20", "paymentMethod": "", "paymentReference": " R1 ", "notes": "", "other": "x"}
    assert body_of("repayment", form, MOST) == ({"amount": "20.00", "paymentReference": "R1"}, {})


@pytest.mark.parametrize(
    ("direction", "part", "principal", "fee"),
    [
        ("lower", "principal", "-5.00", "0.00"),
        ("raise", "principal", "5.00", "0.00"),
        ("lower", "fees", "0.00", "-5.00"),
        ("raise", "fees", "0.00", "5.00"),
    ],
)
def test_an_adjustment_has_a_direction_and_a_part(
    direction: str, part: str, principal: str, fee: str
) -> None:
    form = {"amount": "5", "direction": direction, "part": part, "reason": "a slip"}
    body, _ = body_of("adjustment", form, MOST)
    assert body == {"principalDelta": principal, "feeDelta": fee, "reason": "a slip"}
    assert change_of("adjustment", body) == (Decimal(principal), Decimal(fee))


def test_all_faults_are_reported_at_once() -> None:
    _, errors = body_of("adjustment", {"amount": "x", "direction": "sideways", "reason": "r" * 501}, MOST)
    assert errors.keys() == {"amount", "direction", "part", "reason"}
    _, errors = body_of("write-off", {"amount": "5", "priority": "normal"}, MOST)
    assert errors.keys() == {"writeOffReason"}


def test_each_movement_changes_principal_or_fees() -> None:
    five = Decimal("5.00")
    assert change_of("fee", {"amount": "5.00"}) == (0, five)
    assert change_of("waiver", {"amount": "5.00"}) == (0, -five)
    assert change_of("repayment", {"amount": "5.00"}) == (-five, 0)
