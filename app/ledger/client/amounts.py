"""An amount as the ledger's wire writes it."""

from decimal import Decimal


def amount_text(amount: Decimal) -> str:
    """``Decimal("12.5")`` as ``"12.50"``: always the same text, as a key's content is compared.

    Raises TypeError for what is not a Decimal (a float has no exact cents), and ValueError for an amount
    that is not finite or has a part of a cent.
    """
    if not isinstance(amount, Decimal):
        msg = f"an amount is a Decimal, not {type(amount).__name__}"
        raise TypeError(msg)
    if not amount.is_finite():
        msg = f"{amount} is no amount"
        raise ValueError(msg)
    text = f"{amount if amount else Decimal(0):.2f}"  # There is a zero below zero.
    if Decimal(text) != amount:
        msg = f"{amount} has a part of a cent"
        raise ValueError(msg)
    return text
