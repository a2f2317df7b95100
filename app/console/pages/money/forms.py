"""The forms of money movements: amounts as people type them, the API body of each action, and its summary."""

import re
from decimal import Decimal
from typing import get_args

from app.aggregates.write_offs.facts import WriteOffPriority, WriteOffReason
from app.console.session.rest import Json
from app.console.ui.formats import decimal
from app.runtime.settings.settings import Settings

_AMOUNT = re.compile(r"(?:A?\$)?\s*((?:\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.\d{1,2})?)", re.ASCII | re.IGNORECASE)
_MAX_LENGTHS = {"reason": 500, "notes": 1_000, "paymentReference": 200, "paymentMethod": 200}

WRITE_OFF_REASONS = get_args(WriteOffReason)
PAYMENT_METHODS = ("bank_transfer", "card", "direct_debit", "cash")
DEFAULTS = {"type": "late_fee", "direction": "lower", "part": "principal", "priority": "normal"}

Form = dict[str, str]


def amount_of(text: str, maximum: Decimal) -> Decimal:
    """The amount in ``150``, ``1,234.5`` or ``A$20.00``. Raises ValueError with a message for the person."""
    if not text.strip():
        raise ValueError("Enter an amount.")
    if (found := _AMOUNT.fullmatch(text.strip())) is None:
        raise ValueError("Enter dollars with at most two decimals, such as 150 or 1,234.50.")
    value = Decimal(found[1].replace(",", "")).quantize(Decimal("0.01"))
    if not value:
        raise ValueError("The amount must be above zero.")
    if value > maximum:
        raise ValueError(f"The maximum is A${maximum:,.2f}.")
    return value


def body_of(action: str, form: Form, maximum: Decimal) -> tuple[Json, dict[str, str]]:
    """The API body of a form, and a message for each field that cannot be used."""
    fields = _Fields(form, maximum)
    body = _body_of(action, fields, fields.amount())
    return {name: value for name, value in body.items() if value != ""}, fields.errors


def change_of(action: str, body: Json) -> tuple[Decimal, Decimal]:
    """The change of principal and fees. A repayment is counted as principal: the ledger allocates it."""
    if action == "adjustment":
        return Decimal(body["principalDelta"]), Decimal(body["feeDelta"])
    amount = Decimal(body["amount"])
    return {"fee": (Decimal(0), amount), "waiver": (Decimal(0), -amount)}.get(action, (-amount, Decimal(0)))


def overpayment(balance: Json, body: Json) -> Decimal | None:
    """How much a repayment exceeds a known balance, if it does."""
    total = decimal(balance.get("totalOutstanding"))
    excess = None if total is None else Decimal(body["amount"]) - total
    return excess if excess is not None and excess > 0 else None


def waiver_errors(balance: Json, body: Json) -> dict[str, str]:
    """The message for a waiver that the ledger would reject."""
    fees = decimal(balance.get("feeBalance")) if balance["live"] else None
    if fees is None or Decimal(body["amount"]) <= fees:
        return {}
    return {"amount": f"Only A${fees:,.2f} of fees are owed." if fees > 0 else "No fees are owed."}


class _Fields:
    """Reads a form and collects the errors of all its fields."""

    def __init__(self, form: Form, maximum: Decimal) -> None:
        self._form, self._maximum = form, maximum
        self.errors: dict[str, str] = {}

    def amount(self) -> str:
        try:
            return str(amount_of(self._form.get("amount", ""), self._maximum))
        except ValueError as error:
            self.errors["amount"] = str(error)
            return ""

    def text(self, name: str, *, required: bool = False) -> str:
        value = self._form.get(name, "").strip()
        if required and not value:
            self.errors[name] = "Enter a reason for the record."
        if len(value) > _MAX_LENGTHS[name]:
            self.errors[name] = f"At most {_MAX_LENGTHS[name]:,} characters; this has {len(value):,}."
        return value

    def choice(self, name: str, *choices: str) -> str:
        value = self._form.get(name, "")
        if value not in choices:
            self.errors[name] = "Choose one."
        return value


def _body_of(action: str, fields: _Fields, amount: str) -> Json:
    match action:
        case "repayment":
            texts = {name: fields.text(name) for name in ("paymentMethod", "paymentReference", "notes")}
            return {"amount": amount, **texts}
        case "fee":
            kind = fields.choice("type", "late_fee", "dishonour_fee")
            return {"amount": amount, "type": kind, "reason": fields.text("reason")}
        case "waiver":
            return {"amount": amount, "reason": fields.text("reason", required=True)}
        case "adjustment":
            sign = "-" if fields.choice("direction", "lower", "raise") == "lower" else ""
            part = fields.choice("part", "principal", "fees")
            return {
                "principalDelta": f"{sign}{amount}" if part == "principal" else "0.00",
                "feeDelta": f"{sign}{amount}" if part == "fees" else "0.00",
                "reason": fields.text("reason", required=True),
            }
        case _:
            return {
                "amount": amount,
                "reason": fields.choice("writeOffReason", *WRITE_OFF_REASONS),
                "priority": fields.choice("priority", *get_args(WriteOffPriority)),
                "notes": fields.text("notes"),
            }


def summary_of(settings: Settings, action: str, body: Json, balance: Json) -> Json:
    """The values of the summary's template: the balance afterwards, and warnings before it is confirmed."""
    principal, fees = change_of(action, body)
    total, change = decimal(balance.get("totalOutstanding")), principal + fees
    needs_approval = action == "adjustment" and abs(principal) + abs(fees) > settings.adjustment_limit
    limit, days = f"A${settings.adjustment_limit:,.2f}", settings.adjustment_limit_days
    warnings = []
    if not balance["live"]:
        warnings.append("The ledger is not responding. The balance is the last known one.")
    if action == "adjustment" and total is not None and -change > total:
        warnings.append(f"Only A${total:,.2f} is owed. The ledger will reject a larger reduction.")
    if action == "write-off" and total is not None and -change != total:
        text = f"A write-off must be for the whole balance of A${total:,.2f}. This is another amount."
        warnings.append(text)
    if needs_approval:
        text = f"Above {limit}, a second person must approve the adjustment before it is posted."
        warnings.append(text)
    elif action == "adjustment":
        text = f"Your adjustments of this loan in the last {days} days count too. Above {limit} in total, a "
        warnings.append(f"{text}second person must approve the adjustment.")
    return {
        "is_request": needs_approval or action == "write-off",
        "overpayment": overpayment(balance, body) if action == "repayment" else None,
        "after": None if total is None else max(total + change, Decimal(0)),
        "warnings": warnings,
    }
