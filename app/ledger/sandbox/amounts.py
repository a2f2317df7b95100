"""Amounts of AUD: Decimal inside, text with two places outside."""

import re
from decimal import Decimal

from app.ledger.sandbox.refusals import BadArgumentError

NOTHING = Decimal("0.00")

# Below a trillion. Decimal() also reads exponents, NaN and underscores: none of them is an amount.
_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)


def text(amount: Decimal) -> str:
    """With two places; never ``-0.00``."""
    return f"{amount + NOTHING:.2f}"


def read(field: str, told: str) -> Decimal:
    """An amount, which may be below zero. Raises BadArgumentError for anything but a decimal string."""
    if _AMOUNT.fullmatch(told) is None:
        msg = f"{field} is not an amount: digits below a trillion, with two decimal places at most"
        raise BadArgumentError(msg)
    return Decimal(told).quantize(NOTHING) + NOTHING


def read_positive(field: str, told: str) -> Decimal:
    """An amount above zero. Raises BadArgumentError."""
    amount = read(field, told)
    if amount <= 0:
        msg = f"{field} must be above zero"
        raise BadArgumentError(msg)
    return amount
