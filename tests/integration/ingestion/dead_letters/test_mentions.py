"""Which dead letters an erasure names: those with an id of the customer's, in every form."""

import json

import pytest
from redis import Redis

from app.ingestion.dead_letters import store as dead_letters
from app.ingestion.dead_letters.dead_letter import record_of
from app.ingestion.dead_letters.store import DeadLetterStore, mentions_of
from app.ingestion.messages.rejection import Reason, RejectedError
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie


@pytest.fixture
def store(redis_client: Redis, settings: Settings) -> DeadLetterStore:
    return DeadLetterStore(redis_client, settings)


def set_aside(redis: Redis, settings: Settings, fields: dict[bytes, bytes]) -> str:
    """A dead letter of an entry; its id."""
    why = RejectedError(Reason.NOT_UTF8, "dat", "it is not UTF-8")
    record = record_of(settings.inbox_stream, "1-0", fields, why, deliveries=1)
    added: bytes = redis.xadd(settings.dead_letter_stream, record)  # type: ignore[arg-type,assignment]
    return added.decode()


def test_an_entry_that_is_not_utf_8_is_named_by_its_bytes(
    store: DeadLetterStore, redis_client: Redis, settings: Settings
) -> None:
    """It is stored as ``base64:…``, where no text of it is found."""
    latin = '{"customer_id": "CUS-1", "first_name": "José"}'.encode("latin-1")
    entry = {b"typ": b"customer.changed.v1", b"dat": latin}
    theirs = set_aside(redis_client, settings, entry)
    key = set_aside(redis_client, settings, {b"CUS-1 of Jos\xe9": b"?"})
    set_aside(redis_client, settings, entry | {b"dat": latin.replace(b"CUS-1", b"CUS-2")})
    assert mentions_of(store, ["CUS-1", "L1"]).ids == [theirs, key]


def test_a_discarded_entry_is_reported_until_it_is_deleted(
    store: DeadLetterStore, redis_client: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To discard one keeps all of it elsewhere, for ever."""
    entry = {b"typ": b"customer.changed.v1", b"dat": b'{"customer_id": "CUS-1"}x'}
    kept, theirs = (set_aside(redis_client, settings, entry) for _ in range(2))
    assert store.discard(theirs, "ops", "its content is unknown")
    set_aside(redis_client, settings, {b"dat": b"CUS-2"})
    [discarded] = store.discarded().in_full()
    named = discarded.dead_letter_id
    assert named.startswith("discarded:")
    assert mentions_of(store, ["CUS-1"]) == ([kept, named], 0)
    monkeypatch.setattr(dead_letters, "_MOST_SEARCHED", 0)
    assert mentions_of(store, ["CUS-1"]) == ([], 3)
    monkeypatch.undo()
    assert store.delete(named)
    assert not store.delete(named)
    assert mentions_of(store, ["CUS-1"]) == ([kept], 0)


def test_commands_look_at_discarded_ones_and_delete_either(
    store: DeadLetterStore, redis_client: Redis, settings: Settings, billie: Billie
) -> None:
    first, second = (set_aside(redis_client, settings, {b"dat": name}) for name in (b"CUS-1", b"CUS-2"))
    billie.run("dead-letters", "discard", first, "--because", "a test of theirs")
    [line] = billie.run("dead-letters", "list", "--discarded", "--json").splitlines()
    dead_letter = json.loads(line)
    named = dead_letter["deadLetterId"]
    assert named == mentions_of(store, ["CUS-1"]).ids[0]
    assert named in billie.run("dead-letters", "list", "--discarded")
    assert json.loads(billie.run("dead-letters", "show", named)) == dead_letter | {"entry": {"dat": "CUS-1"}}
    assert (
        billie.run("dead-letters", "delete", named, second) == f"{named} is deleted.\n{second} is deleted.\n"
    )
    assert (len(store), len(store.discarded())) == (0, 0)
    again = billie.end("dead-letters", "delete", named)
    assert (again.returncode, f"no dead letter '{named}'" in again.stderr) == (1, True)
    assert billie.end("dead-letters", "delete", "discarded:x").returncode == 2
    assert billie.end("dead-letters", "replay", named).returncode == 2
