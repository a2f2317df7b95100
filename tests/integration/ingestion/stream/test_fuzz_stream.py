"""A stream of wild entries: each ends as an event, an unknown type or a dead letter, as the counts show."""

import json
import logging
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from time import monotonic
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as drawing
from hypothesis import strategies as st
from pymongo.database import Database
from redis import Redis

from app.api.auth.development_tokens import issue_token
from app.ingestion.dead_letters.dead_letter import to_bytes
from app.ingestion.messages.rejection import Reason
from app.projections.migrations import migrate
from app.runtime.bootstrap import Ingest, Process
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.observed import all_read, dead_letters, least_position, newest_position, pending
from tests.support.roles import project
from tests.support.stream_accounts import accounts
from tests.support.wild import CHOICES, Entry, entry, extremes

_AT_ONCE = 25
NOT_AT_THE_DOOR = {Reason.FAILED, Reason.UNKNOWN_TYPE, Reason.FOREIGN}
"""A fault of ours, and two of dead letters themselves; all other reasons must occur."""
KEYS = {
    "customers": "customerId",
    "loan-accounts": "loanAccountId",
    "conversations": "conversationId",
    "write-off-requests": "requestId",
}
"""The collections, and under which name the API shows the identifier of a document."""


def drawn(number: int, chosen_by: int) -> list[Entry]:
    """So many entries that hypothesis draws, always the same for a seed; among them, each extreme."""
    entries: list[Entry] = extremes()

    @seed(chosen_by)
    @drawing(
        max_examples=number // _AT_ONCE + 1,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(min_size=_AT_ONCE * CHOICES, max_size=_AT_ONCE * CHOICES))
    def draw(choices: bytes) -> None:
        # In one piece: of a list, hypothesis likes to repeat what it drew before.
        entries.extend(entry(choices[at : at + CHOICES]) for at in range(0, len(choices), CHOICES))

    draw()
    assert len(entries) >= number, "hypothesis drew too few"
    assert len(set(map(tuple, entries))) > 0.95 * len(entries), "hypothesis repeats itself"
    return entries[:number]


def publish(client: Redis, stream: str, entries: list[Entry]) -> None:
    """Put entries on the stream as they are, names that come twice and all."""
    remaining: Iterator[Entry] = iter(entries)
    while some := list(islice(remaining, 1_000)):
        pipeline = client.pipeline(transaction=False)
        for fields in some:
            pipeline.execute_command("XADD", stream, "*", *(part for field in fields for part in field))
        pipeline.execute()


def test_every_stream_entry_is_an_event_an_unknown_type_or_a_dead_letter(
    settings: Settings,
    redis_client: Redis,
    mongo_db: Database[dict[str, Any]],
    pytestconfig: pytest.Config,
    caplog: pytest.LogCaptureFixture,
) -> None:
    number, chosen_by = pytestconfig.getoption("fuzz_entries"), pytestconfig.getoption("seed")
    say(f"--fuzz-entries {number} --seed {chosen_by} draws the same again")
    started = monotonic()
    publish(redis_client, settings.inbox_stream, drawn(number, chosen_by))
    assert list(migrate(mongo_db))
    published = monotonic()
    progress: list[tuple[int, int]] = []
    with caplog.at_level(logging.INFO):
        Ingest(Process(settings)).run(drain=True, on_progress=lambda *batch: progress.append(batch))
        ingested = monotonic()
        project(settings, drain=True)
    projected = monotonic()

    assert pending(redis_client, settings) == 0
    assert all_read(redis_client, settings)
    found = accounts(redis_client, settings)
    rejected = dead_letters(redis_client, settings)
    reasons = Counter(dead_letter["reason"] for dead_letter in rejected)
    say(f"{found}, {newest_position(settings)} events, {dict(reasons.most_common())}")
    say(
        f"drawn and published in {published - started:.1f} s, ingested in {ingested - published:.1f} s, "
        f"projected in {projected - ingested:.1f} s; {peak_mib()} MiB at the most"
    )
    assert found.sent == number
    assert found.landed + found.unknown + found.dead == number
    # What the consumer says itself, and what Redis holds, are counts of their own.
    assert sum(entries for entries, _ in progress) == number
    assert sum(dead for _, dead in progress) == found.dead == len(rejected)
    assert least_position(mongo_db) == newest_position(settings) > 0, "no projection stopped"

    # None of the three may be so rare that the counts say nothing.
    assert min(found.landed, found.unknown, found.dead) > number / 10
    assert found.repeats > 0
    assert set(reasons) == set(Reason) - NOT_AT_THE_DOOR
    assert min(reasons.values()) >= 3
    assert_whole(rejected, redis_client, settings)
    assert_discreet(caplog)
    assert_listed(settings, mongo_db)


def assert_whole(rejected: list[dict[str, str]], client: Redis, settings: Settings) -> None:
    """Each dead letter holds its entry, to the byte."""
    answer: Any = client.xrange(settings.inbox_stream)
    sent = {entry_id.decode(): fields for entry_id, fields in answer}
    for dead_letter in rejected:
        held = {to_bytes(name): to_bytes(value) for name, value in json.loads(dead_letter["entry"]).items()}
        assert held == sent[dead_letter["entry_id"]], dead_letter["entry_id"]


def assert_discreet(caplog: pytest.LogCaptureFixture) -> None:
    """What is logged is short, stays on its line, and quotes no value."""
    assert caplog.messages
    for said in caplog.messages:
        assert len(said) < 600, said
        assert said.isprintable(), said
        assert "ann.lee@example.com" not in said


def assert_listed(settings: Settings, database: Database[dict[str, Any]]) -> None:
    """The API shows all documents, with any content, each once."""
    token = issue_token(settings, "ann", "readonly")
    with (
        serving(settings) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client,
    ):
        for name, key in KEYS.items():
            ids = [document["_id"] for document in database[name].find({}, {"_id": 1})]
            seen: list[str] = []
            following: str | None = f"/v1/{name}?limit=100"
            while following:
                answer = client.get(following)
                assert answer.status_code == 200, (following, answer.text)
                seen += [item[key] for item in answer.json()["items"]]
                following = answer.json().get("next")
            assert sorted(seen) == sorted(ids)
            assert ids, name


def peak_mib() -> int:
    """The most memory that this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def say(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
