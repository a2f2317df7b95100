"""What is owed on an account: by the ledger now, or where it does not answer, as it was last told."""

import asyncio
from decimal import Decimal
from typing import Any

from app.console.ui.formats import decimal
from app.console.ui.page_context import Desk

Told = dict[str, Any]


async def account_and_owed(desk: Desk, account_id: str) -> tuple[Told, Told]:
    """The account, and what is owed on it: by the ledger now, or as it was last told."""
    account, balance = await asyncio.gather(
        desk.rest.get("/v1/loan-accounts/{}", account_id),
        desk.rest.ask("GET", "/v1/ledger/accounts/{}/balance", account_id),
    )
    if not balance.is_problem:
        return account, balance.body | {"live": True}
    last = account.get("balances", {}).get("totalOutstanding")
    return account, {"totalOutstanding": last, "live": False, "asOf": account.get("updatedAt")}


def overpaid_by(owed: Told, body: Told) -> Decimal | None:
    """By how much a repayment is more than what is owed; None where it is not, or nobody knows."""
    total = decimal(owed.get("totalOutstanding"))
    more = None if total is None else Decimal(body["amount"]) - total
    return more if more is not None and more > 0 else None


def fault_of_waiver(owed: Told, body: Told) -> Told:
    """The words for an amount that the ledger would refuse, by what it says itself."""
    fees = decimal(owed.get("feeBalance")) if owed["live"] else None
    if fees is None or Decimal(body["amount"]) <= fees:
        return {}
    return {"amount": f"Only A${fees:,.2f} of fees are owed." if fees > 0 else "No fees are owed."}
