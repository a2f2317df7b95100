"""Writes the sample: ``python -m app.demo.sample > samples/lender-day.jsonl``. Always the same.

Every valid entry has its own identity, so publishing the file again changes nothing. Some entries are sent
twice, and some out of order.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from random import Random

from app.demo.edge_cases import edge_cases
from app.demo.lender import Lender
from app.demo.publishers import Entry, Publishers

_SEED = 20_260_306
_CUSTOMERS = 40
_FIRST = 900_001  # None of the demo's own customers has such a number.


def sample(seed: int = _SEED, customers: int = _CUSTOMERS) -> list[Entry]:
    """The history of so many customers until that day, in stream order."""
    chance = Random(seed)
    day = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    timed = Lender(seed).history(range(_FIRST, _FIRST + customers), day)
    publishers = Publishers(chance)
    for hour in range(6):
        at = day - timedelta(hours=hour)
        timed += [publishers.poison(at), publishers.unknown(at)]
    timed += edge_cases(publishers, day)
    entries = [each.entry for each in sorted(timed, key=lambda each: each.at)]
    for _ in range(len(entries) // 36):
        # A publisher's retry: the same logical message under another entry id.
        entries.insert(chance.randrange(len(entries)), dict(chance.choice(entries)))
    for _ in range(len(entries) // 14):
        first = chance.randrange(len(entries) - 5)
        second = first + chance.randint(1, 5)
        entries[first], entries[second] = entries[second], entries[first]
    return entries


if __name__ == "__main__":
    for entry in sample():
        sys.stdout.write(json.dumps(entry) + "\n")
