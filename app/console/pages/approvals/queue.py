"""Approvals, in one form: write-off requests, and adjustments above the limit; the queue of pending ones."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from fastapi import Depends
from pydantic import BaseModel

from app.aggregates import are_two_people, is_machine, same_person
from app.console.pages.loan_lookups import account_and_balance
from app.console.session.rest import Json, RefusedError, cursor_of, quoted
from app.console.ui.formats import decimal
from app.console.ui.page import Context, PageContext

_MAX_APPROVALS, _PAGE = 1_000, 200
"""Of each kind. A longer queue says that it is."""


KindName = Literal["write-off", "adjustment"]


@dataclass(frozen=True)
class Kind:
    """Where the API has approvals of a kind, and its names for each decision."""

    name: KindName
    label: str
    base: str
    identifier: str
    """The name of its id, in documents and in the paths of routes."""
    pending: dict[str, str]
    verbs: dict[str, str]

    @property
    def path(self) -> str:
        """The path of one approval, for ``Rest``."""
        return f"{self.base}/{{}}"

    def route(self, decision: str) -> str:
        """The path of a decision in the role table."""
        return f"{self.base}/{{{self.identifier}}}/{self.verbs[decision]}"


_WRITE_OFF = Kind(
    "write-off",
    "Write-off",
    "/v1/write-off-requests",
    "requestId",
    {"status": "pending"},
    {"approve": "approve", "reject": "reject", "withdraw": "cancel"},
)
_ADJUSTMENT = Kind(
    "adjustment",
    "Adjustment",
    "/v1/ledger-commands",
    "commandId",
    {"approval": "pending"},
    {"approve": "approve", "reject": "refuse", "withdraw": "refuse"},
)
KINDS: dict[KindName, Kind] = {"write-off": _WRITE_OFF, "adjustment": _ADJUSTMENT}


class Approval(NamedTuple):
    """A request for a second person's decision, of either kind."""

    kind: Kind
    document: Json
    id: str
    amount: Decimal | None
    priority: str
    requester: Json
    status: str
    decision: Json | None

    @property
    def is_write_off(self) -> bool:
        """Else it is an adjustment."""
        return self.kind is _WRITE_OFF

    @property
    def address(self) -> str:
        """Its page."""
        return f"/approvals/{self.kind.name}/{quoted(self.id)}"


def approval_of(kind: Kind, document: Json) -> Approval:
    """A request from the API. The amount of an adjustment is the sum of its parts."""
    identifier, requester = document[kind.identifier], document.get("requestedBy") or {}
    if kind is _WRITE_OFF:
        amount, priority = decimal(document.get("amount")), document.get("priority", "normal")
        status, decision = document["status"], document.get("decision")
    else:
        parts = (decimal(document.get(name)) or Decimal(0) for name in ("principalDelta", "feeDelta"))
        amount, priority = sum(map(abs, parts), Decimal(0)), ""
        approval = document.get("approval", {})
        status, decision = approval.get("status", ""), approval if approval.get("by") else None
    return Approval(kind, document, identifier, amount, priority, requester, status, decision)


class Filters(BaseModel):
    """What of the queue is shown, as the form says it; an empty filter lets everything through."""

    kind: str = ""
    priority: str = ""
    reason: str = ""
    requester: str = ""
    least: str = ""
    most: str = ""
    sort: str = "oldest"

    def match(self, each: Approval) -> bool:
        """Whether an approval is shown."""
        requester = f"{each.requester.get('name') or ''} {each.requester.get('id', '')}"
        least, most = _amount(self.least), _amount(self.most)
        return (
            self.kind in ("", each.kind.name)
            and self.priority in ("", each.priority)
            and self.reason in ("", each.document.get("reason", ""))
            and self.requester.strip().casefold() in requester.casefold()
            and (least is None or (each.amount is not None and each.amount >= least))
            and (most is None or (each.amount is not None and each.amount <= most))
        )


@dataclass(frozen=True)
class Queue:
    """Pending approvals, oldest first. ``is_complete`` is false if there are more."""

    approvals: list[Approval]
    is_complete: bool


async def pending_approvals(context: PageContext, limit: int = _MAX_APPROVALS) -> Queue:
    """All that is pending; of each kind ``limit``, or up to a page more."""
    found = await asyncio.gather(*(_pending(context, kind, limit) for kind in KINDS.values()))
    approvals = sorted(
        (each for part in found for each in part.approvals),
        key=lambda each: str(each.document.get("requestedAt")),
    )
    return Queue(approvals, all(part.is_complete for part in found))


async def _pending(context: PageContext, kind: Kind, limit: int) -> Queue:
    found: list[Approval] = []
    cursor = ""
    while True:
        page = await context.rest.get(
            kind.base, **kind.pending, sort="createdAt", limit=min(limit, _PAGE), cursor=cursor
        )
        found += [approval_of(kind, each) for each in page["items"]]
        cursor = cursor_of(page)
        if not cursor or len(found) >= limit:
            return Queue(found, not cursor)


def _amount(text: str) -> Decimal | None:
    value = decimal(text.strip().removeprefix("A").removeprefix("$").replace(",", ""))
    return value if value is not None and value.is_finite() else None


async def current(context: Context, kind: KindName, identifier: str) -> Approval:
    """The approval of an address, as it is now. Raises RefusedError."""
    return approval_of(KINDS[kind], await context.rest.get(KINDS[kind].path, identifier))


OpenApproval = Annotated[Approval, Depends(current)]


async def details_of(context: PageContext, approval: Approval) -> Json:
    """The values of the approval's card."""
    loan, command = await asyncio.gather(loan_of(context, approval), command_of(context, approval))
    is_outdated = False  # The balance has changed, so that the write-off cannot be approved any more.
    if approval.is_write_off and approval.status == "pending" and loan and loan["owed"].get("live"):
        is_outdated = decimal(loan["owed"]["totalOutstanding"]) != approval.amount
    return {
        "approval": approval,
        "loan": loan,
        "command": command,
        "is_outdated": is_outdated,
        **permissions_of(context, approval),
    }


async def command_of(context: PageContext, approval: Approval) -> Json | None:
    """The movement that an approval posts; an adjustment is its own."""
    if not approval.is_write_off:
        return approval.document
    if (command_id := approval.document.get("ledger", {}).get("commandId")) is None:
        return None
    return (await context.rest.try_get("/v1/ledger-commands/{}", command_id)).body_or(None)


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
        for loan in overview.body_or({"accounts": []})["accounts"]:
            if loan["account"]["loanAccountId"] == account_id:
                return dict(loan)
    return {"account": account, "owed": balance}


def permissions_of(context: PageContext, approval: Approval) -> Json:
    """Whether this person may decide, and if not, why."""
    requester, user = approval.requester.get("id", ""), context.session.caller.user
    is_own = same_person(requester, user)
    return {
        "is_own": is_own,
        "is_by_machine": is_machine(requester),
        "are_two": are_two_people(requester, user),
        "required_role": context.rest.required_role("POST", approval.kind.route("approve")),
        "may_withdraw": is_own and context.rest.may("POST", approval.kind.route("withdraw")),
    }
