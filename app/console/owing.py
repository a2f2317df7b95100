"""What is owed on an account: by the ledger now, or where it does not answer, as it was last told."""

import asyncio
from typing import Any

from app.console.desk import Desk


async def account_and_owed(desk: Desk, account_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The account, and what is owed on it: by the ledger now, or as it was last told."""
    account, balance = await asyncio.gather(
        desk.rest.get("/v1/loan-accounts/{}", account_id),
        desk.rest.ask("GET", "/v1/ledger/accounts/{}/balance", account_id),
    )
    if not balance.is_problem:
        return account, balance.body | {"live": True}
    last = account.get("balances", {}).get("totalOutstanding")
    return account, {"totalOutstanding": last, "live": False, "asOf": account.get("updatedAt")}
