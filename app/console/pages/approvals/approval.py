"""One approval with what belongs to it: its loan, its posting, and what the person may decide."""

import asyncio

from app.aggregates import are_two_people, is_machine, same_person
from app.console.pages.approvals.queue import Approval, Kind, approval_of
from app.console.pages.loans.lookups import account_and_balance
from app.console.session.rest import Json, RefusedError
from app.console.ui.formats import decimal
from app.console.ui.page import PageContext


async def read_approval(context: PageContext, kind: Kind, identifier: str) -> Approval:
    """Raises RefusedError."""
    return approval_of(kind, await context.rest.get(kind.path, identifier))


async def details_of(context: PageContext, approval: Approval) -> Json:
    """The values of the approval's card."""
    loan, command = await asyncio.gather(loan_of(context, approval), command_of(context, approval))
    return {
        "approval": approval,
        "loan": loan,
        "command": command,
        "is_outdated": _is_outdated(approval, loan),
        **permissions_of(context, approval),
    }


async def command_of(context: PageContext, approval: Approval) -> Json | None:
    """The movement that an approval posts; an adjustment is its own."""
    if not approval.is_write_off:
        return approval.document
    if (command_id := approval.document.get("ledger", {}).get("commandId")) is None:
        return None
    command: Json | None = (await context.rest.try_get("/v1/ledger-commands/{}", command_id)).body_or(None)
    return command


async def loan_of(context: PageContext, approval: Approval) -> Json | None:
    """The loan as the customer page shows it; None if no message has mentioned it yet."""
    account_id: str = approval.document["loanAccountId"]
    try:
        account, balance = await account_and_balance(context, account_id)
    except RefusedError as refused:
        if refused.status != 404:
            raise
        return None
    if customer_id := account.get("customerId"):
        overview = await context.rest.try_get("/v1/customers/{}/overview", customer_id)
        loans: list[Json] = overview.body_or({"accounts": []})["accounts"]
        for loan in loans:
            if loan["account"]["loanAccountId"] == account_id:
                return loan
    return {"account": account, "owed": balance}


def permissions_of(context: PageContext, approval: Approval) -> Json:
    """Whether this person may decide, and if not, why."""
    requester, user = approval.requester.get("id", ""), context.session.user
    is_own = same_person(requester, user)
    return {
        "is_own": is_own,
        "is_by_machine": is_machine(requester),
        "are_two": are_two_people(requester, user),
        "required_role": context.rest.required_role("POST", approval.kind.route("approve")),
        "may_withdraw": is_own and context.rest.may("POST", approval.kind.route("withdraw")),
    }


def _is_outdated(approval: Approval, loan: Json | None) -> bool:
    """Whether the balance has changed, so that the write-off cannot be approved any more."""
    if not approval.is_write_off or approval.status != "pending" or loan is None:
        return False
    balance = loan["owed"]
    return bool(balance.get("live")) and decimal(balance["totalOutstanding"]) != approval.amount
