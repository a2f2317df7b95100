"""Amounts as people type them, and what each kind of money movement makes of a form."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

_AMOUNT = re.compile(r"(?:A?\$)?\s*((?:\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.\d{1,2})?)", re.ASCII | re.IGNORECASE)
_LONGEST = {"reason": 500, "notes": 1_000, "paymentReference": 200, "paymentMethod": 200}

WRITE_OFF_REASONS = (
    *("hardship", "bankruptcy", "deceased", "unable_to_locate"),
    *("fraud_victim", "disputed", "aged_debt", "other"),
)
PAYMENT_METHODS = ("bank_transfer", "card", "direct_debit", "cash")

Form = dict[str, str]


class WrongError(ValueError):
    """What a form says cannot be used: ``faults`` has words for each field."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__(", ".join(faults))
        self.faults = faults


def amount_of(told: str, most: Decimal) -> Decimal:
    """Of ``150``, ``1,234.5`` or ``A$20.00``. Raises ValueError, with words for whoever typed it."""
    if not told.strip():
        msg = "Say an amount."
        raise ValueError(msg)
    if (found := _AMOUNT.fullmatch(told.strip())) is None:
        msg = "Say dollars, with two places for cents at most: 150 or 1,234.50."
        raise ValueError(msg)
    value = Decimal(found[1].replace(",", "")).quantize(Decimal("0.01"))
    if not value:
        msg = "It has to be above zero."
        raise ValueError(msg)
    if value > most:
        msg = f"A${most:,.2f} is the most."
        raise ValueError(msg)
    return value


def body_of(action: str, form: Form, most: Decimal) -> dict[str, Any]:
    """The API's body of what a form says. Raises WrongError."""
    return _Reading(form, most).body(action)


def change_of(action: str, body: dict[str, Any]) -> tuple[Decimal, Decimal]:
    """By how much principal and fees change, as far as that is known before; a repayment's parts are not."""
    if action == "adjustment":
        return Decimal(body["principalDelta"]), Decimal(body["feeDelta"])
    amount = Decimal(body["amount"])
    return {"fee": (Decimal(0), amount), "waiver": (Decimal(0), -amount)}.get(action, (-amount, Decimal(0)))


class _Reading:
    def __init__(self, form: Form, most: Decimal) -> None:
        self._form, self._most = form, most
        self._faults: dict[str, str] = {}

    def body(self, action: str) -> dict[str, Any]:
        read: dict[str, Callable[[str], dict[str, Any]]] = {
            "repayment": self._repayment,
            "fee": self._fee,
            "waiver": self._waiver,
            "adjustment": self._adjustment,
            "write-off": self._write_off,
        }
        body = read[action](self._amount())
        if self._faults:
            raise WrongError(self._faults)
        return {name: value for name, value in body.items() if value != ""}

    def _repayment(self, amount: str) -> dict[str, Any]:
        words = {name: self._words(name) for name in ("paymentMethod", "paymentReference", "notes")}
        return {"amount": amount, **words}

    def _fee(self, amount: str) -> dict[str, Any]:
        kind = self._one_of("type", ("late_fee", "dishonour_fee"))
        return {"amount": amount, "type": kind, "reason": self._words("reason")}

    def _waiver(self, amount: str) -> dict[str, Any]:
        return {"amount": amount, "reason": self._words("reason", needed=True)}

    def _adjustment(self, amount: str) -> dict[str, Any]:
        sign = "-" if self._one_of("direction", ("lower", "raise")) == "lower" else ""
        part = self._one_of("part", ("principal", "fees"))
        return {
            "principalDelta": f"{sign}{amount}" if part == "principal" else "0.00",
            "feeDelta": f"{sign}{amount}" if part == "fees" else "0.00",
            "reason": self._words("reason", needed=True),
        }

    def _write_off(self, amount: str) -> dict[str, Any]:
        return {
            "amount": amount,
            "reason": self._one_of("writeOffReason", WRITE_OFF_REASONS),
            "priority": self._one_of("priority", ("normal", "high", "urgent")),
            "notes": self._words("notes"),
        }

    def _amount(self) -> str:
        try:
            return str(amount_of(self._form.get("amount", ""), self._most))
        except ValueError as error:
            self._faults["amount"] = str(error)
            return ""

    def _words(self, name: str, *, needed: bool = False) -> str:
        told = self._form.get(name, "").strip()
        if needed and not told:
            self._faults[name] = "Say why: whoever looks later wants to know."
        if len(told) > _LONGEST[name]:
            self._faults[name] = f"At most {_LONGEST[name]:,} characters; this has {len(told):,}."
        return told

    def _one_of(self, name: str, choices: tuple[str, ...]) -> str:
        told = self._form.get(name, "")
        if told not in choices:
            self._faults[name] = "Choose one."
        return told
