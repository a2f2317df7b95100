"""Dead letters: looked through, replayed to the byte, discarded with a record."""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from app.aggregates import LoanAccount
from app.cli.commands.dead_letters import _who
from app.event_store.application import Servicing
from app.ingestion.dead_letters.box import DeadLetterBox, Replayed, discarded_stream
from app.ingestion.dead_letters.scan import Filter
from app.ingestion.messages import catalogue
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.stream.consumer import run as ingest
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.observed import newest_position

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
        (["list", "--reason", "nonsense"], 2, "not_json"),
        (["list", "--older-than", "1e300"], 2, "0 to 876,000 hours"),
        (["list", "--older-than", "nan"], 2, "0 to 876,000 hours"),
        (["replay"], 2, "--all"),
        (["discard", "1-0", "--because", " "], 2, "--because is empty"),
    ],
)
def test_mistakes_are_said(billie: Billie, arguments: list[str], code: int, said: str) -> None:
    process = billie.start("dead-letters", *arguments)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, said in errors) == (code, True), errors


def together(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Run both at once; raises what either raised."""
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(first), threads.submit(second)]:
            done.result()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two replays that both have landed their entry before either looks at the list again."""
    both = Barrier(2, timeout=20)
    land = DeadLetterBox._land

    def land_and_meet(*arguments: Any) -> Any:
        outcome = land(*arguments)
        both.wait()
        return outcome

    monkeypatch.setattr(DeadLetterBox, "_land", land_and_meet)


@pytest.mark.usefixtures("at_once")
def test_two_operators_who_replay_one_letter_leave_one_letter(
    box: DeadLetterBox, settings: Settings, redis_client: Redis
) -> None:
    smaller = DeadLetterBox(redis_client, settings.model_copy(update={"max_message_bytes": 1}))
    letter = next(box.letters(reason="not_json"))
    outcomes: list[Replayed] = []

    def replay() -> None:
        servicing = Servicing.from_url(settings.event_store_url)
        try:
            outcomes.append(smaller.replay(letter, servicing))
        finally:
            servicing.close()

    together(replay, replay)
    assert sorted(reasons(box)) == ["not_utf8", "too_large", "too_large"]
    now = {outcome.letter_id for outcome in outcomes}
    assert None in now, "the slower one found it gone"
    assert [each.letter_id for each in box.letters(reason="too_large")][-1] in now


def test_two_operators_who_discard_one_letter_leave_one_record(
    box: DeadLetterBox, settings: Settings, redis_client: Redis
) -> None:
    for letter in list(box.letters()):
        done: list[bool] = []
        together(
            lambda done=done, letter=letter: done.append(box.discard(letter.letter_id, "ann", "a")),  # type: ignore[misc]
            lambda done=done, letter=letter: done.append(box.discard(letter.letter_id, "bob", "b")),  # type: ignore[misc]
        )
        assert sorted(done) == [False, True]
    assert reasons(box) == []
    assert redis_client.xlen(discarded_stream(settings.dead_letter_stream)) == 3


def test_letter_discarded_during_its_replay_does_not_come_back(
    box: DeadLetterBox, settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    smaller = DeadLetterBox(redis_client, settings.model_copy(update={"max_message_bytes": 1}))
    letter = next(box.letters(reason="not_json"))
    assert box.discard(letter.letter_id, "ann", "a test")
    outcome = smaller.replay(letter, servicing)
    assert (outcome.why is not None, outcome.letter_id) == (True, None)
    assert sorted(reasons(box)) == ["not_utf8", "too_large"]


def test_without_memory_in_redis_no_letter_is_lost(
    box: DeadLetterBox, settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    smaller = DeadLetterBox(redis_client, settings.model_copy(update={"max_message_bytes": 1}))
    before = list(box.letters())
    redis_client.config_set("maxmemory", 1)
    try:
        with pytest.raises(RedisError, match="memory"):
            smaller.replay(before[1], servicing)
        with pytest.raises(RedisError, match="memory"):
            box.discard(before[1].letter_id, "ann", "a test")
    finally:
        redis_client.config_set("maxmemory", 0)
    assert list(box.letters()) == before


def test_letter_replays_after_its_stream_was_trimmed_empty(
    box: DeadLetterBox, settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    redis_client.xtrim(settings.inbox_stream, maxlen=0, approximate=False)
    now = DeadLetterBox(redis_client, settings)
    letter = next(now.letters(reason="too_large"))
    assert letter.original() == {name.encode(): value.encode() for name, value in TOO_LARGE.items()}
    assert now.replay(letter, servicing) == Replayed(None, None)
    assert servicing.load(LoanAccount, "L1") is not None


def test_replay_of_all_tries_each_once(settings: Settings, redis_client: Redis, billie: Billie) -> None:
    bad = {"typ": "account.updated.v1", "dat": "{" + " " * 2_000}
    for _ in range(3):
        redis_client.xadd(settings.inbox_stream, bad)  # type: ignore[arg-type]
    ingest(settings, drain=True, stop=Event())
    before = {letter.letter_id for letter in DeadLetterBox(redis_client, settings).letters()}
    done = billie.end("dead-letters", "replay", "--all", BILLIE_MAX_MESSAGE_BYTES="1024")
    assert (done.returncode, done.stdout) == (1, "0 landed, 3 failed again.\n")
    after = list(DeadLetterBox(redis_client, settings).letters())
    assert [letter.reason for letter in after] == ["too_large"] * 3
    assert before.isdisjoint(letter.letter_id for letter in after)
    assert all(f"(it is {letter.letter_id} now)" in done.stderr for letter in after)


def test_what_another_program_put_there_is_shown_and_can_be_discarded(
    box: DeadLetterBox, billie: Billie, settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    theirs = {b"error": b"KeyError", b"payload": b"\xff", b"letter_id": b"7"}
    letter_id = redis_client.xadd(settings.dead_letter_stream, theirs).decode()  # type: ignore[arg-type,union-attr]
    [letter] = box.letters(reason="foreign")
    assert (letter.letter_id, letter.error) == (letter_id, "not set aside by this system")
    assert letter.entry == {"error": "KeyError", "payload": "base64:/w==", "letter_id": "7"}
    assert box.counts().by_reason["foreign"] == 1
    assert "foreign" not in reasons(box, kind="user_input")
    assert billie.run("dead-letters", "list").splitlines()[-1].startswith("4 dead letters: ")
    assert billie.end("status").returncode in (1, 3)
    outcome = box.replay(letter, servicing)
    assert outcome.why is not None
    assert (outcome.why.reason, outcome.letter_id) == ("foreign", letter_id), "it stays as it is"
    billie.run("dead-letters", "discard", letter_id, "--because", "a test")
    assert len(box) == 3


def test_replay_by_a_release_that_does_not_know_the_type_keeps_the_letter(
    settings: Settings, redis_client: Redis, servicing: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_client.xadd(settings.inbox_stream, NO_JSON)  # type: ignore[arg-type]
    ingest(settings, drain=True, stop=Event())
    box = DeadLetterBox(redis_client, settings)
    fewer = {name: row for name, row in CATALOGUE.items() if name != "account.updated.v1"}
    monkeypatch.setattr(catalogue, "CATALOGUE", fewer)
    outcome = box.replay(next(box.letters()), servicing)
    assert outcome.why is not None
    assert reasons(box) == [outcome.why.reason] == ["unknown_type"]


def test_replay_makes_no_event_store(box: DeadLetterBox, billie: Billie, tmp_path: Path) -> None:
    """One that is not where the settings say: its letters would land where nobody looks."""
    elsewhere = tmp_path / "elsewhere.db"
    done = billie.end("dead-letters", "replay", "--all", BILLIE_EVENT_STORE_URL=f"sqlite:///{elsewhere}")
    assert (done.returncode, str(elsewhere) in done.stderr) == (3, True), done.stderr
    assert not elsewhere.exists()
    assert len(box) == 3


def test_who_discards_is_known_also_where_the_system_has_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert _who() == f"user {os.getuid()}"


def test_long_lists_are_looked_through_whole(settings: Settings, redis_client: Redis) -> None:
    for number in range(350):
        redis_client.xadd(settings.inbox_stream, NO_JSON | {"n": str(number)})  # type: ignore[arg-type]
    ingest(settings, drain=True, stop=Event())
    box = DeadLetterBox(redis_client, settings)
    assert (len(box), len(list(box.summaries()))) == (350, 350)
    assert box.counts().by_reason == {"not_json": 350}
    ids = [letter.letter_id for letter in box.summaries()]
    page = box.page(Filter(), 120)
    assert ([letter.letter_id for letter in page.letters], page.after) == (ids[:120], ids[119])
    rest = box.page(Filter(), 1_000, page.after)
    assert ([letter.letter_id for letter in rest.letters], rest.after) == (ids[120:], None)
    assert [letter.letter_id for letter in box.summaries(Filter(up_to=ids[9]))] == ids[:10]
