"""What awaits a second person: requests for write-offs, and adjustments beyond the limit, told alike."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.console.ui.formats import decimal
from app.console.ui.page_context import Desk
from app.console.ui.pages_of import cursor_of

Told = dict[str, Any]

_MOST, _PAGE = 1_000, 200
"""So many of each kind are looked at: a queue that is longer says so."""


@dataclass(frozen=True)
class Kind:
    """Where the API has what awaits, and what decides on it. ``reject`` of one's own may be ``withdraw``."""

    name: str
    words: str
    base: str
    identifier: str
    """The name of its id: in documents, and in the paths of routes."""
    pending: dict[str, str]
    approve: str = "approve"
    reject: str = "reject"
    withdraw: str = "cancel"

    @property
    def one(self) -> str:
        """The path of one, for ``Rest``."""
        return f"{self.base}/{{}}"

    def route(self, does: str) -> str:
        """The path of a decision, as the table of roles has it."""
        return f"{self.base}/{{{self.identifier}}}/{does}"


KINDS = {
    each.name: each
    for each in (
        Kind("write-off", "Write-off", "/v1/write-off-requests", "requestId", {"status": "pending"}),
        Kind(
            "adjustment",
            "Adjustment",
            "/v1/ledger-commands",
            "commandId",
            {"approval": "pending"},
            reject="refuse",
            withdraw="refuse",
        ),
    )
}


@dataclass(frozen=True)
class Wanted:
    """What of the queue is shown, as somebody says it in the filters; empty is all."""

    kind: str = ""
    priority: str = ""
    reason: str = ""
    requester: str = ""
    least: Decimal | None = None
    most: Decimal | None = None

    def lets(self, each: Told) -> bool:
        """Whether it is one of these."""
        by: Told = each["by"]
        size: Decimal | None = each["size"]
        return (
            _is_one(self.kind, each["kind"].name)
            and _is_one(self.priority, each["priority"])
            and _is_one(self.reason, each["reason"])
            and self.requester.casefold() in f"{by.get('name') or ''} {by.get('id', '')}".casefold()
            and (self.least is None or (size is not None and size >= self.least))
            and (self.most is None or (size is not None and size <= self.most))
        )


@dataclass(frozen=True)
class Queue:
    """All that awaits somebody, oldest first; where ``is_whole`` is false, there is more."""

    items: list[Told]
    is_whole: bool


async def queue(desk: Desk, most: int = _MOST) -> Queue:
    """All that is pending; of each kind ``most``, or a page more."""
    found = await asyncio.gather(*(_pending(desk, kind, most) for kind in KINDS.values()))
    items = sorted((each for part in found for each in part.items), key=lambda each: str(each["at"]))
    return Queue(items, all(part.is_whole for part in found))


def told(kind: Kind, document: Told) -> Told:
    """A request as the pages show it, whichever kind it is of."""
    is_write_off = kind.name == "write-off"
    parts = [decimal(document.get(name)) or Decimal(0) for name in ("principalDelta", "feeDelta")]
    size = decimal(document.get("amount")) if is_write_off else sum(map(abs, parts))
    return {
        "kind": kind,
        "id": document[kind.identifier],
        "number": document.get("requestNumber", ""),
        "size": size,
        "priority": document.get("priority", "normal" if is_write_off else ""),
        "reason": document.get("reason", ""),
        "by": document.get("requestedBy") or {},
        "at": document.get("requestedAt"),
        "status": document["status"] if is_write_off else document.get("approval", {}).get("status", ""),
        "decision": document.get("decision") if is_write_off else _decision(document),
        "document": document,
    }


def _is_one(wanted: str, found: str) -> bool:
    return wanted in ("", found)


def _decision(document: Told) -> Told | None:
    approval: Told = document.get("approval", {})
    return approval if approval.get("by") else None


async def _pending(desk: Desk, kind: Kind, most: int) -> Queue:
    items: list[Told] = []
    cursor = ""
    limit = min(most, _PAGE)
    while True:
        page = await desk.rest.get(kind.base, **kind.pending, sort="createdAt", limit=limit, cursor=cursor)
        items += [told(kind, each) for each in page["items"]]
        cursor = cursor_of(page)
        if not cursor or len(items) >= most:
            return Queue(items, not cursor)
