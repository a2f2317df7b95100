"""Idempotency keys: reserved in the transaction that posts, so that neither exists without the other."""

import hashlib
import json
import sqlite3
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from app.ledger.sandbox.journal import Posting, posting
from app.ledger.sandbox.refusals import KeyReusedError


def fingerprint(operation: Any) -> str:
    """A digest of what is asked: the kind of operation and its content.

    ApplyFee and the specific rpc for the same fee ask the same: whoever falls back from one to the other
    after an unknown outcome must not charge twice.
    """
    content = json.dumps([type(operation).__name__, asdict(operation)], default=str, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def posted_before(
    database: sqlite3.Connection, key: str, content: str, now: datetime, keep: timedelta
) -> Posting | None:
    """What the key's first request posted; None for a new key. Keys older than ``keep`` are forgotten.

    Raises KeyReusedError where the first request had other content.
    """
    database.execute("DELETE FROM keys WHERE reserved_at <= ?", ((now - keep).isoformat(),))
    row = database.execute(
        "SELECT fingerprint, transaction_number FROM keys WHERE idempotency_key = ?", (key,)
    ).fetchone()
    if row is None:
        return None
    if row["fingerprint"] != content:
        msg = "The idempotency key was used for another request: nothing was posted"
        raise KeyReusedError(msg)
    return posting(
        database.execute(
            "SELECT * FROM transactions WHERE number = ?", (row["transaction_number"],)
        ).fetchone()
    )


def reserve(database: sqlite3.Connection, key: str, content: str, posted: Posting, now: datetime) -> None:
    """Have the key stand for this request and its posting. A refused request reserves nothing."""
    database.execute("INSERT INTO keys VALUES (?, ?, ?, ?)", (key, content, posted.number, now.isoformat()))
