"""Dead letters: looked through, replayed to the byte, discarded with a record."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from redis import Redis

from app.aggregates import LoanAccount, Servicing
from app.ingestion.consumer import run as ingest
from app.ingestion.dead_letter_box import DeadLetterBox, Replayed, discarded_stream
from app.runtime.settings import Settings
from tests.commands import Billie
from tests.observed import newest_position

TOO_LARGE = {"typ": "account.updated.v1", "dat": json.dumps({"account_id": "L1", "pad": "x" * 2_000})}
NO_JSON = {"typ": "account.updated.v1", "dat": "{"}
NOT_UTF8 = {b"typ": b"user_input", b"\xff": b"\xfe", b"cid": b"base64:"}


@pytest.fixture
def small(settings: Settings) -> Settings:
    """Settings under which the large entry is refused, and all three are set aside."""
    return settings.model_copy(update={"max_message_bytes": 1_024})


@pytest.fixture
def box(small: Settings, redis_client: Redis) -> DeadLetterBox:
    for entry in (TOO_LARGE, NO_JSON, NOT_UTF8):
        redis_client.xadd(small.inbox_stream, entry)  # type: ignore[arg-type]
    ingest(small, drain=True, stop=Event())
    return DeadLetterBox(redis_client, small)


@pytest.fixture
def servicing(settings: Settings) -> Iterator[Servicing]:
    servicing = Servicing.from_url(settings.event_store_url)
    yield servicing
    servicing.close()


def reasons(box: DeadLetterBox, **filters: Any) -> list[str]:
    return [letter.reason for letter in box.letters(**filters)]


def test_they_are_listed_by_reason_type_and_age(box: DeadLetterBox) -> None:
    assert reasons(box) == ["too_large", "not_json", "not_utf8"]
    assert reasons(box, reason="not_json") == ["not_json"]
    assert reasons(box, kind="user_input") == ["not_utf8"]
    now = datetime.now(UTC)
    assert reasons(box, before=now - timedelta(hours=1)) == []
    assert len(reasons(box, before=now + timedelta(hours=1))) == 3


def test_the_original_entry_is_kept_to_the_byte(box: DeadLetterBox) -> None:
    assert next(box.letters(reason="not_utf8")).original() == NOT_UTF8


def test_replay_lands_what_can_be_used_now(
    box: DeadLetterBox, settings: Settings, servicing: Servicing, redis_client: Redis
) -> None:
    now = DeadLetterBox(redis_client, settings)
    letter = next(now.letters(reason="too_large"))
    assert now.replay(letter, servicing) == Replayed(None, None)
    assert reasons(now) == ["not_json", "not_utf8"]
    account = servicing.load(LoanAccount, "L1")
    assert account is not None
    assert account.absorbed == {f"entry:{settings.inbox_stream}/{letter.entry_id}"}
    events = newest_position(settings)
    assert now.replay(letter, servicing) == Replayed(None, None), "twice is once"
    assert newest_position(settings) == events


def test_replay_that_fails_again_stays_with_the_new_reason(
    box: DeadLetterBox, settings: Settings, servicing: Servicing, redis_client: Redis
) -> None:
    smaller = DeadLetterBox(redis_client, settings.model_copy(update={"max_message_bytes": 1}))
    for letter in list(box.letters(reason="not_json")):
        outcome = smaller.replay(letter, servicing)
        assert outcome.why is not None
        assert outcome.why.reason == "too_large"
    assert sorted(reasons(box)) == ["not_utf8", "too_large", "too_large"]
    same = next(box.letters(reason="not_utf8"))
    box.replay(same, servicing)
    assert next(box.letters(reason="not_utf8")) == same


def test_commands(box: DeadLetterBox, billie: Billie, redis_client: Redis, settings: Settings) -> None:
    told = billie.run("dead-letters", "list")
    assert told.splitlines()[-1] == "3 dead letters: too_large 1, not_json 1, not_utf8 1."
    first, second, third = [
        json.loads(line) for line in billie.run("dead-letters", "list", "--json").splitlines()
    ]
    assert json.loads(billie.run("dead-letters", "show", second["letterId"])) == second | {"entry": NO_JSON}
    assert billie.run("dead-letters", "replay", first["letterId"]) == "1 landed, 0 failed again.\n"
    process = billie.start("dead-letters", "replay", "--all")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"{third['letterId']} failed again: not_utf8" in errors
    billie.run("dead-letters", "discard", second["letterId"], "--because", "a test of theirs")
    [(_, kept)] = redis_client.xrange(discarded_stream(settings.dead_letter_stream))  # type: ignore[misc]
    assert (kept[b"because"], json.loads(kept[b"entry"])) == (b"a test of theirs", NO_JSON)
    assert reasons(box) == ["not_utf8"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "1-0"], 1, "no dead letter 1-0"),
        (["show", "x"], 2, "no id of a dead letter"),
        (["replay"], 2, "--all"),
        (["discard", "1-0", "--because", " "], 2, "--because is empty"),
    ],
)
def test_mistakes_are_said(billie: Billie, arguments: list[str], code: int, said: str) -> None:
    process = billie.start("dead-letters", *arguments)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, said in errors) == (code, True), errors
