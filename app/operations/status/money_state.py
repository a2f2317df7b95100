"""Which money commands have no outcome yet, as the read model ``ledger-commands`` tells."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from app.operations.status.report import MoneyState

_RUNNING = timedelta(seconds=60)
"""Before that, a command without an outcome is no news: the ledger and the settler have their turns."""


def money_state(database: Database[dict[str, Any]]) -> MoneyState:
    """Raises pymongo's errors."""
    commands = database["ledger-commands"]
    before = datetime.now(UTC) - _RUNNING
    lost = {"status": "requested", "approval.status": {"$ne": "pending"}, "requestedAt": {"$lt": before}}
    is_open = {"$or": [{"status": "unknown"}, lost]}
    oldest = commands.find_one(is_open, {"requestedAt": 1}, sort=[("requestedAt", ASCENDING)])
    age = None if oldest is None else (datetime.now(UTC) - oldest["requestedAt"]).total_seconds()
    return MoneyState(
        unknown=commands.count_documents(is_open),
        oldest_unknown_age_seconds=None if age is None else max(0.0, round(age, 3)),
        awaiting_approval=commands.count_documents({"status": "requested", "approval.status": "pending"}),
    )
