"""The approval queue: write-off requests, and adjustments above the limit, in one form."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from pydantic import BaseModel

from app.console.session.rest import Json, cursor_of
from app.console.ui.formats import decimal, quoted
from app.console.ui.page import PageContext
from app.errors import NotFoundError

_MAX_APPROVALS, _PAGE = 1_000, 200
"""Of each kind. A longer queue says that it is."""


@dataclass(frozen=True)
class Kind:
    """Where the API has approvals of a kind, and its names for each decision."""

    name: str
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
KINDS = (_WRITE_OFF, _ADJUSTMENT)


def kind_of(name: str) -> Kind:
    """Raises NotFoundError for an unknown kind."""
    for each in KINDS:
        if each.name == name:
            return each
    raise NotFoundError("page", f"/approvals/{quoted(name)}")


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
    found = await asyncio.gather(*(_pending(context, kind, limit) for kind in KINDS))
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
