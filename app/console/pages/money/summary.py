"""The summary of a movement: the balance after it, and warnings before it is confirmed."""

from decimal import Decimal

from app.console.pages.money.forms import change_of, overpayment
from app.console.session.rest import Json
from app.console.ui.formats import decimal
from app.runtime.settings.settings import Settings


def summary_of(settings: Settings, action: str, body: Json, balance: Json) -> Json:
    """The values of the summary's template."""
    principal, fees = change_of(action, body)
    total = decimal(balance.get("totalOutstanding"))
    needs_approval = action == "adjustment" and abs(principal) + abs(fees) > settings.adjustment_limit
    return {
        "is_request": needs_approval or action == "write-off",
        "overpayment": overpayment(balance, body) if action == "repayment" else None,
        "after": None if total is None else max(total + principal + fees, Decimal(0)),
        "warnings": [
            *_ledger_warnings(action, balance, total, principal + fees),
            *(_limit_warnings(settings, needs_approval=needs_approval) if action == "adjustment" else ()),
        ],
    }


def _ledger_warnings(action: str, balance: Json, total: Decimal | None, change: Decimal) -> list[str]:
    found = []
    if not balance["live"]:
        found.append("The ledger is not responding. The balance is the last known one.")
    if action == "adjustment" and total is not None and -change > total:
        found.append(f"Only A${total:,.2f} is owed. The ledger will reject a larger reduction.")
    if action == "write-off" and total is not None and -change != total:
        found.append(f"A write-off must be for the whole balance of A${total:,.2f}. This is another amount.")
    return found


def _limit_warnings(settings: Settings, *, needs_approval: bool) -> list[str]:
    limit = f"A${settings.adjustment_limit:,.2f}"
    if needs_approval:
        return [f"Above {limit}, a second person must approve the adjustment before it is posted."]
    days = settings.adjustment_limit_days
    return [
        f"Your adjustments of this loan in the last {days} days count too. Above {limit} in total, a second "
        "person must approve the adjustment."
    ]
