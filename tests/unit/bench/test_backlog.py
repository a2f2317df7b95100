"""The load of the benchmarks is what it says: valid, mostly chat, interleaved, the same for one seed."""

from itertools import pairwise

from app.ingestion.messages.catalogue import CATALOGUE
from bench.shared.backlog import backlog
from tests.unit.ingestion.entries import message

ENTRIES = list(backlog(5_000, seed=7))


def test_one_seed_gives_one_backlog() -> None:
    assert list(backlog(5_000, seed=7)) == ENTRIES
    assert list(backlog(5_000, seed=8)) != ENTRIES


def test_every_entry_is_complete_and_has_its_own_identity() -> None:
    messages = [message(entry, f"{1_772_366_400_000 + n}-0") for n, entry in enumerate(ENTRIES)]
    assert not any(each.unreadable for each in messages)
    identities = {each.envelope.source.message_id for each in messages}
    assert len(identities) == len(ENTRIES)
    by_cause = sum(identity.startswith("digest:") for identity in identities)
    assert 0.1 < by_cause / len(ENTRIES) < 0.3
    assert all(each.envelope.type in CATALOGUE for each in messages)


def test_the_backlog_is_mostly_interleaved_chat() -> None:
    conversations = [entry["cid"] for entry in ENTRIES if "cid" in entry]
    assert 0.9 < len(conversations) / len(ENTRIES) < 0.95
    assert len(set(conversations[:500])) > 100
    assert sum(one != other for one, other in pairwise(conversations)) > 0.95 * len(conversations)
