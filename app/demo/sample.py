"""Writes the sample: ``python -m app.demo.sample > samples/lender-day.jsonl``. Always the same.

Every usable entry carries an identity of its own, so that publishing the file again changes nothing.
Some entries are sent twice, and some overtake each other.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from random import Random

from app.demo.lender import Lender, Moment
from app.demo.publishers import Entry, Publishers

_SEED = 20_260_306
_CUSTOMERS = 63
_FIRST = 900_001  # None of the demo's own customers has such a number.


def sample(seed: int = _SEED, customers: int = _CUSTOMERS) -> list[Entry]:
    """The entries of so many customers, in the order of the stream: about 33 of each."""
    chance = Random(seed)
    lender = Lender(seed)
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    moments: list[Moment] = []
    for number in range(customers):
        moments += lender.story(_FIRST + number, start + timedelta(minutes=9 * number))
    publishers = Publishers(chance)
    for hour in range(6):
        at = start + timedelta(hours=hour)
        moments += [Moment(at, publishers.poison(at)), Moment(at, publishers.unknown(at))]
    entries = [moment.entry for moment in sorted(moments, key=lambda moment: moment.at)]
    for _ in range(60 * customers // _CUSTOMERS):
        # A publisher's retry: the same logical message under another entry id.
        entries.insert(chance.randrange(len(entries)), dict(chance.choice(entries)))
    for _ in range(150 * customers // _CUSTOMERS):
        first = chance.randrange(len(entries) - 5)
        second = first + chance.randint(1, 5)
        entries[first], entries[second] = entries[second], entries[first]
    return entries


if __name__ == "__main__":
    for entry in sample():
        sys.stdout.write(json.dumps(entry) + "\n")
