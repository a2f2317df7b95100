"""The approval queue: write-off requests, and adjustments above the limit, in one form."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from app.console.session.rest import Json, cursor_of
from app.console.ui.formats import decimal, quoted
from app.console.ui.page_context import PageContext

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


KINDS = {
    each.name: each
    for each in (
        Kind(
            "write-off",
            "Write-off",
            "/v1/write-off-requests",
            "requestId",
            {"status": "pending"},
            {"approve": "approve", "reject": "reject", "withdraw": "cancel"},
        ),
        Kind(
            "adjustment",
            "Adjustment",
            "/v1/ledger-commands",
            "commandId",
            {"approval": "pending"},
            {"approve": "approve", "reject": "refuse", "withdraw": "refuse"},
        ),
    )
}


@dataclass(frozen=True)
class Approval:
    """A request for a second person's decision, of either kind."""

    kind: Kind
    document: Json

    @property
    def is_write_off(self) -> bool:
        """Else it is an adjustment."""
        return self.kind.name == "write-off"

    @property
    def id(self) -> str:
        """Its id in the API."""
        identifier: str = self.document[self.kind.identifier]
        return identifier

    @property
    def address(self) -> str:
        """Its page."""
        return f"/approvals/{self.kind.name}/{quoted(self.id)}"

    @property
    def amount(self) -> Decimal | None:
        """The amount; of an adjustment, the sum of its parts."""
        if self.is_write_off:
            return decimal(self.document.get("amount"))
        parts = (decimal(self.document.get(name)) or Decimal(0) for name in ("principalDelta", "feeDelta"))
        return sum(map(abs, parts), Decimal(0))

    @property
    def priority(self) -> str:
        """Of write-offs only."""
        priority: str = self.document.get("priority", "normal" if self.is_write_off else "")
        return priority

    @property
    def requester(self) -> Json:
        """The id and name of the person who made it."""
        return self.document.get("requestedBy") or {}

    @property
    def status(self) -> str:
        """``pending``, or the decision."""
        holder = self.document if self.is_write_off else self.document.get("approval", {})
        status: str = holder.get("status", "")
        return status

    @property
    def decision(self) -> Json | None:
        """Who decided, when, and with which comment."""
        decision: Json = self.document.get("decision" if self.is_write_off else "approval") or {}
        return decision if decision.get("by") else None


@dataclass(frozen=True)
class Filters:
    """What of the queue is shown; an empty filter lets everything through."""

    kind: str = ""
    priority: str = ""
    reason: str = ""
    requester: str = ""
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def match(self, each: Approval) -> bool:
        """Whether an approval is shown."""
        requester = f"{each.requester.get('name') or ''} {each.requester.get('id', '')}"
        return (
            self.kind in ("", each.kind.name)
            and self.priority in ("", each.priority)
            and self.reason in ("", each.document.get("reason", ""))
            and self.requester.casefold() in requester.casefold()
            and (self.minimum is None or (each.amount is not None and each.amount >= self.minimum))
            and (self.maximum is None or (each.amount is not None and each.amount <= self.maximum))
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
        found += [Approval(kind, each) for each in page["items"]]
        cursor = cursor_of(page)
        if not cursor or len(found) >= limit:
            return Queue(found, not cursor)
