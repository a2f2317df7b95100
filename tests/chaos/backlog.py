"""A lender's days for the fire: interleaved, re-sent, swapped, with poison, unknown types and dirt.

Every consumer may read its share at any time, so the order in which messages are applied is not that of
the stream. Left out are the few that the contract lets arrival decide (decision 0001): a balance that falls
without a stated payment, and how late an account is that is closed later.
"""

import json
from datetime import UTC, datetime
from random import Random

from app.demo.publishers import Entry, Publishers
from app.ingestion.messages.envelope import PAYLOAD
from tools.lender_day import sample

_NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def backlog(seed: int, customers: int) -> list[Entry]:
    """About 35 entries of each customer, in the order of the stream, one in ten poison or unknown."""
    entries = [entry for entry in sample(seed, customers) if not _decided_by_arrival(entry)]
    chance = Random(seed)
    publishers = Publishers(chance)
    for _ in range(len(entries) // 20):
        for odd in (publishers.poison(_NOON), publishers.unknown(_NOON)):
            entries.insert(chance.randrange(len(entries)), odd.entry)
    return entries


def _decided_by_arrival(entry: Entry) -> bool:
    text = next((entry[name] for name in PAYLOAD if name in entry), "")
    match entry.get("event_type"):
        case "account.updated.v1":
            return '"REPAYMENT"' in text and "last_payment_amount" not in text
        case "loan.aging.updated.v1":
            return bool(json.loads(text)["bucket"] != "closed")
    return False
