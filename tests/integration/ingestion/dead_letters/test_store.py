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
from app.ingestion.dead_letters.scan import Filter
from app.ingestion.dead_letters.store import DeadLetterStore, Replay, ReplayOutcome, discarded_stream
from app.ingestion.messages import catalogue
from app.ingestion.messages.catalogue import CATALOGUE
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.observed import newest_position
from tests.support.roles import ingest
from tests.support.waiting import LONG_S

TOO_LARGE = {"typ": "account.updated.v1", "dat": json.dumps({"account_id": "L1", "pad": "x" * 2_000})}
NO_JSON = {"typ": "account.updated.v1", "dat": "{"}
NOT_UTF8 = {b"typ": b"user_input", b"\xff": b"\xfe", b"cid": b"base64:"}


@pytest.fixture
def small(settings: Settings) -> Settings:
    """Settings under which the large entry is refused, and all three are set aside."""
    return settings.model_copy(update={"max_message_bytes": 1_024})


@pytest.fixture
def store(small: Settings, redis_client: Redis) -> DeadLetterStore:
    for entry in (TOO_LARGE, NO_JSON, NOT_UTF8):
        redis_client.xadd(small.inbox_stream, entry)  # type: ignore[arg-type]
    ingest(small, drain=True, stop=Event())
    return DeadLetterStore(redis_client, small)


@pytest.fixture
def servicing(settings: Settings) -> Iterator[Servicing]:
    servicing = Servicing.from_url(settings.event_store_url)
    yield servicing
    servicing.close()


def reasons(store: DeadLetterStore, **filters: Any) -> list[str]:
    return [dead_letter.reason for dead_letter in store.in_full(Filter(**filters))]


def test_dead_letters_are_listed_by_reason_type_and_age(store: DeadLetterStore) -> None:
    assert reasons(store) == ["too_large", "not_json", "not_utf8"]
    assert reasons(store, reason="not_json") == ["not_json"]
    assert reasons(store, kind="user_input") == ["not_utf8"]
    now = datetime.now(UTC)
    assert reasons(store, before=now - timedelta(hours=1)) == []
    assert len(reasons(store, before=now + timedelta(hours=1))) == 3


def test_the_original_entry_is_kept_to_the_byte(store: DeadLetterStore) -> None:
    assert next(store.in_full(Filter(reason="not_utf8"))).original() == NOT_UTF8


def test_replay_applies_messages_that_are_valid_now(
    store: DeadLetterStore, settings: Settings, servicing: Servicing, redis_client: Redis
) -> None:
    now = DeadLetterStore(redis_client, settings)
    dead_letter = next(now.in_full(Filter(reason="too_large")))
    assert now.replay(dead_letter, servicing).outcome is ReplayOutcome.LANDED
    assert reasons(now) == ["not_json", "not_utf8"]
    account = servicing.load(LoanAccount, "L1")
    assert account is not None
    assert account.absorbed == {f"entry:{settings.inbox_stream}/{dead_letter.entry_id}"}
    events = newest_position(settings)
    assert now.replay(dead_letter, servicing).outcome is ReplayOutcome.LANDED, "twice is once"
    assert newest_position(settings) == events


def test_replay_that_fails_again_stays_with_the_new_reason(
    store: DeadLetterStore, settings: Settings, servicing: Servicing, redis_client: Redis
) -> None:
    smaller = DeadLetterStore(redis_client, settings.model_copy(update={"max_message_bytes": 1}))
    for dead_letter in list(store.in_full(Filter(reason="not_json"))):
        outcome = smaller.replay(dead_letter, servicing)
        assert outcome.reason == "too_large"
    assert sorted(reasons(store)) == ["not_utf8", "too_large", "too_large"]
    same = next(store.in_full(Filter(reason="not_utf8")))
    store.replay(same, servicing)
    assert next(store.in_full(Filter(reason="not_utf8"))) == same


def test_commands(store: DeadLetterStore, billie: Billie, redis_client: Redis, settings: Settings) -> None:
    output = billie.run("dead-letters", "list")
    assert output.splitlines()[-1] == "3 dead letters: too_large 1, not_json 1, not_utf8 1."
    first, second, third = [
        json.loads(line) for line in billie.run("dead-letters", "list", "--json").splitlines()
    ]
    assert json.loads(billie.run("dead-letters", "show", second["deadLetterId"])) == second | {
        "entry": NO_JSON
    }
    assert billie.run("dead-letters", "replay", first["deadLetterId"]) == "1 landed, 0 failed again.\n"
    process = billie.start("dead-letters", "replay", "--all")
    _, errors = process.communicate(timeout=2 * LONG_S)
    assert process.returncode == 1
    assert f"{third['deadLetterId']} failed again: not_utf8" in errors
    billie.run("dead-letters", "discard", second["deadLetterId"], "--because", "a test of theirs")
    [(_, kept)] = redis_client.xrange(discarded_stream(settings.dead_letter_stream))  # type: ignore[misc]
    assert (kept[b"because"], json.loads(kept[b"entry"])) == (b"a test of theirs", NO_JSON)
    assert reasons(store) == ["not_utf8"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "1-0"], 1, "no dead letter '1-0'"),
        (["show", "x"], 2, "not an id of a dead letter"),
        (["list", "--reason", "nonsense"], 2, "not_json"),
        (["list", "--older-than", "1e300"], 2, "0 to 876,000 hours"),
        (["list", "--older-than", "nan"], 2, "0 to 876,000 hours"),
        (["replay"], 2, "--all"),
        (["discard", "1-0", "--because", " "], 2, "--because is empty"),
    ],
)
def test_mistakes_are_reported(billie: Billie, arguments: list[str], code: int, said: str) -> None:
    process = billie.start("dead-letters", *arguments)
    _, errors = process.communicate(timeout=2 * LONG_S)
    assert (process.returncode, said in errors) == (code, True), errors


def together(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Run both at once; raises what either raised."""
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(first), threads.submit(second)]:
            done.result()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two replays that both have landed their entry before either looks at the list again."""
    both = Barrier(2, timeout=LONG_S)
    apply = DeadLetterStore._apply

    def apply_and_meet(*arguments: Any) -> Any:
        outcome = apply(*arguments)
        both.wait()
        return outcome

    monkeypatch.setattr(DeadLetterStore, "_apply", apply_and_meet)


@pytest.mark.usefixtures("at_once")
def test_concurrent_replays_leave_one_dead_letter(
    store: DeadLetterStore, settings: Settings, redis_client: Redis
) -> None:
    smaller = DeadLetterStore(redis_client, settings.model_copy(update={"max_message_bytes": 1}))
    dead_letter = next(store.in_full(Filter(reason="not_json")))
    outcomes: list[Replay] = []

    def replay() -> None:
        servicing = Servicing.from_url(settings.event_store_url)
        try:
            outcomes.append(smaller.replay(dead_letter, servicing))
        finally:
            servicing.close()

    together(replay, replay)
    assert sorted(reasons(store)) == ["not_utf8", "too_large", "too_large"]
    now = {outcome.current_id for outcome in outcomes}
    assert None in now, "the slower one found it gone"
    assert [each.dead_letter_id for each in store.in_full(Filter(reason="too_large"))][-1] in now


def test_concurrent_discards_leave_one_record(
    store: DeadLetterStore, settings: Settings, redis_client: Redis
) -> None:
    for dead_letter in list(store.in_full()):
        done: list[bool] = []
        together(
            lambda done=done, dead_letter=dead_letter: done.append(
                store.discard(dead_letter.dead_letter_id, "ann", "a")
            ),  # type: ignore[misc]
            lambda done=done, dead_letter=dead_letter: done.append(
                store.discard(dead_letter.dead_letter_id, "bob", "b")
            ),  # type: ignore[misc]
        )
        assert sorted(done) == [False, True]
    assert reasons(store) == []
    assert redis_client.xlen(discarded_stream(settings.dead_letter_stream)) == 3


def test_a_dead_letter_discarded_during_its_replay_stays_discarded(
    store: DeadLetterStore, settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    smaller = DeadLetterStore(redis_client, settings.model_copy(update={"max_message_bytes": 1}))
    dead_letter = next(store.in_full(Filter(reason="not_json")))
    assert store.discard(dead_letter.dead_letter_id, "ann", "a test")
    outcome = smaller.replay(dead_letter, servicing)
    assert (outcome.outcome, outcome.current_id) == (ReplayOutcome.FAILED_AGAIN, None)
    assert sorted(reasons(store)) == ["not_utf8", "too_large"]


def test_full_redis_loses_no_dead_letter(
    store: DeadLetterStore, settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    smaller = DeadLetterStore(redis_client, settings.model_copy(update={"max_message_bytes": 1}))
    before = list(store.in_full())
    redis_client.config_set("maxmemory", 1)
    try:
        with pytest.raises(RedisError, match="memory"):
            smaller.replay(before[1], servicing)
        with pytest.raises(RedisError, match="memory"):
            store.discard(before[1].dead_letter_id, "ann", "a test")
    finally:
        redis_client.config_set("maxmemory", 0)
    assert list(store.in_full()) == before


def test_a_dead_letter_is_replayed_after_its_stream_was_trimmed(
    store: DeadLetterStore, settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    redis_client.xtrim(settings.inbox_stream, maxlen=0, approximate=False)
    now = DeadLetterStore(redis_client, settings)
    dead_letter = next(now.in_full(Filter(reason="too_large")))
    assert dead_letter.original() == {name.encode(): value.encode() for name, value in TOO_LARGE.items()}
    assert now.replay(dead_letter, servicing).outcome is ReplayOutcome.LANDED
    assert servicing.load(LoanAccount, "L1") is not None


def test_replay_of_all_replays_each_once(settings: Settings, redis_client: Redis, billie: Billie) -> None:
    bad = {"typ": "account.updated.v1", "dat": "{" + " " * 2_000}
    for _ in range(3):
        redis_client.xadd(settings.inbox_stream, bad)  # type: ignore[arg-type]
    ingest(settings, drain=True, stop=Event())
    before = {dead_letter.dead_letter_id for dead_letter in DeadLetterStore(redis_client, settings).in_full()}
    done = billie.end("dead-letters", "replay", "--all", BILLIE_MAX_MESSAGE_BYTES="1024")
    assert (done.returncode, done.stdout) == (1, "0 landed, 3 failed again.\n")
    after = list(DeadLetterStore(redis_client, settings).in_full())
    assert [dead_letter.reason for dead_letter in after] == ["too_large"] * 3
    assert before.isdisjoint(dead_letter.dead_letter_id for dead_letter in after)
    assert all(f"(it is {dead_letter.dead_letter_id} now)" in done.stderr for dead_letter in after)


def test_foreign_entries_are_shown_and_can_be_discarded(
    store: DeadLetterStore, billie: Billie, settings: Settings, redis_client: Redis, servicing: Servicing
) -> None:
    theirs = {b"error": b"KeyError", b"payload": b"\xff", b"dead_letter_id": b"7"}
    dead_letter_id = redis_client.xadd(settings.dead_letter_stream, theirs).decode()  # type: ignore[arg-type,union-attr]
    [dead_letter] = store.in_full(Filter(reason="foreign"))
    assert (dead_letter.dead_letter_id, dead_letter.error) == (dead_letter_id, "not set aside by this system")
    assert dead_letter.entry == {"error": "KeyError", "payload": "base64:/w==", "dead_letter_id": "7"}
    assert store.counts().by_reason["foreign"] == 1
    assert "foreign" not in reasons(store, kind="user_input")
    assert billie.run("dead-letters", "list").splitlines()[-1].startswith("4 dead letters: ")
    assert billie.end("status").returncode in (1, 3)
    outcome = store.replay(dead_letter, servicing)
    assert (outcome.reason, outcome.current_id) == ("foreign", dead_letter_id), "it stays as it is"
    billie.run("dead-letters", "discard", dead_letter_id, "--because", "a test")
    assert len(store) == 3


def test_replay_of_an_unknown_type_keeps_the_dead_letter(
    settings: Settings, redis_client: Redis, servicing: Servicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_client.xadd(settings.inbox_stream, NO_JSON)  # type: ignore[arg-type]
    ingest(settings, drain=True, stop=Event())
    store = DeadLetterStore(redis_client, settings)
    fewer = {name: row for name, row in CATALOGUE.items() if name != "account.updated.v1"}
    monkeypatch.setattr(catalogue, "CATALOGUE", fewer)
    outcome = store.replay(next(store.in_full()), servicing)
    assert reasons(store) == [outcome.reason] == ["unknown_type"]


def test_replay_makes_no_event_store(store: DeadLetterStore, billie: Billie, tmp_path: Path) -> None:
    """One that is not where the settings say: its dead letters would land where nobody looks."""
    elsewhere = tmp_path / "elsewhere.db"
    done = billie.end("dead-letters", "replay", "--all", BILLIE_EVENT_STORE_URL=f"sqlite:///{elsewhere}")
    assert (done.returncode, str(elsewhere) in done.stderr) == (3, True), done.stderr
    assert not elsewhere.exists()
    assert len(store) == 3


def test_a_discard_is_attributed_on_a_system_without_user_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert _who() == f"user {os.getuid()}"


def test_long_lists_are_searched_completely(settings: Settings, redis_client: Redis) -> None:
    for number in range(350):
        redis_client.xadd(settings.inbox_stream, NO_JSON | {"n": str(number)})  # type: ignore[arg-type]
    ingest(settings, drain=True, stop=Event())
    store = DeadLetterStore(redis_client, settings)
    assert (len(store), len(list(store.search()))) == (350, 350)
    assert store.counts().by_reason == {"not_json": 350}
    ids = [dead_letter.dead_letter_id for dead_letter in store.search()]
    page = store.page(Filter(), 120)
    assert ([dead_letter.dead_letter_id for dead_letter in page.items], page.after) == (ids[:120], ids[119])
    rest = store.page(Filter(), 1_000, page.after)
    assert ([dead_letter.dead_letter_id for dead_letter in rest.items], rest.after) == (ids[120:], None)
    assert [dead_letter.dead_letter_id for dead_letter in store.search(Filter(up_to=ids[9]))] == ids[:10]
