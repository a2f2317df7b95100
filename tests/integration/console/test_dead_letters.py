"""Dead letters in the console: shown unchanged, replayed and discarded by admins, with the outcome."""

import json
from collections.abc import Iterator
from threading import Event

import pytest
from redis import Redis

from app.ingestion.stream.publish import publish
from app.runtime.settings.settings import Settings
from tests.integration.console.conftest import HOSTILE
from tests.support.api.console import Visitor, fields_of
from tests.support.roles import ingest

NO_JSON = {"typ": "account.updated.v1", "payload": f"{{{HOSTILE}"}
NO_KEY = {"typ": "account.updated.v1", "payload": json.dumps({"x": HOSTILE})}
NO_TYPE = {"agt": HOSTILE}


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    """Settings with streams of its own."""
    return settings.model_copy(
        update={"inbox_stream": "inbox:console-letters", "dead_letter_stream": "dlq:console-letters"}
    )


@pytest.fixture
def dead_letters(settings: Settings) -> Iterator[list[str]]:
    """Ids of three dead letters, one of each reason."""
    with Redis.from_url(settings.redis_url, protocol=2) as redis:
        redis.delete(settings.dead_letter_stream)
        publish(redis, settings.inbox_stream, [NO_JSON, NO_KEY, NO_TYPE])
        ingest(settings, drain=True, stop=Event())
        yield [dead_letter_id.decode() for dead_letter_id, _ in redis.xrange(settings.dead_letter_stream)]  # type: ignore[union-attr]


@pytest.fixture
def ada(url: str) -> Iterator[Visitor]:
    """An admin."""
    with Visitor(url) as visitor:
        visitor.sign_in("Ada", "admin")
        yield visitor


def test_dead_letters_are_listed_by_reason(ada: Visitor, dead_letters: list[str]) -> None:
    page = ada.get("/dead-letters").text
    assert all(each in page for each in dead_letters)
    for reason in ("not_json", "missing_key", "no_type"):
        assert f'id="reason-{reason}"' in page
        one = ada.get("/dead-letters", reason=reason).text
        assert sum(each in one for each in dead_letters) == 1
        assert 'id="reason-not_json"' in one, "the others stay counted"
    assert "No dead letters match the filters" in ada.get("/dead-letters", kind="nothing").text


def test_a_dead_letter_is_shown_as_it_came_and_escaped(ada: Visitor, dead_letters: list[str]) -> None:
    for each in dead_letters:
        page = ada.get(f"/dead-letters/{each}").text
        assert "alert(document.cookie)" in page
        assert "<script>alert" not in page
        assert "<img" not in page


def test_replay_shows_its_outcome(ada: Visitor, dead_letters: list[str]) -> None:
    path = f"/dead-letters/{dead_letters[0]}/replay"
    assert "unchanged" in ada.part(path).text
    again = ada.post(path, {})
    assert (again.status_code, "Failed again" in again.text, "Not JSON" in again.text) == (200, True, True)
    assert again.headers["hx-trigger"] == "dead-letter-handled"
    assert dead_letters[0] in ada.get("/dead-letters").text, "it stays"
    ada.post(f"/dead-letters/{dead_letters[0]}/discard", {"because": "a test"})
    gone = ada.post(path, {})
    assert (gone.status_code, "Already gone" in gone.text) == (404, True)


def test_a_message_that_is_valid_now_is_applied(ada: Visitor, settings: Settings) -> None:
    small = settings.model_copy(update={"max_message_bytes": 1_500})
    said = {"typ": "user_input", "cid": "V9", "utterance": "y" * 3_000}
    with Redis.from_url(settings.redis_url, protocol=2) as redis:
        redis.delete(settings.dead_letter_stream)
        publish(redis, settings.inbox_stream, [said, said | {"cid": "V8"}])
        ingest(small, drain=True, stop=Event())
        first, _ = redis.xrange(settings.dead_letter_stream)  # type: ignore[misc]
    done = ada.post(f"/dead-letters/{first[0].decode()}/replay", {})
    assert "Applied" in done.text, done.text
    asked = ada.part("/dead-letters/replay?reason=too_large").text
    assert "1 on the list" in asked
    assert "1 applied" in ada.post("/dead-letters/replay", fields_of(asked)).text
    assert "No dead letters." in ada.get("/dead-letters").text


def test_dead_letters_of_one_reason_are_replayed_together(ada: Visitor, dead_letters: list[str]) -> None:
    done = ada.post("/dead-letters/replay", {"reason": "missing_key"}).text
    assert "0 applied, 1 failed again" in done
    assert ada.post("/dead-letters/replay", {"reason": "no such"}).status_code == 422
    assert dead_letters[0] in ada.get("/dead-letters").text, "of another reason"


def test_a_discard_takes_a_reason_and_is_kept(ada: Visitor, dead_letters: list[str]) -> None:
    path = f"/dead-letters/{dead_letters[2]}/discard"
    missing = ada.post(path, {"because": " "})
    assert (missing.status_code, "Enter a reason" in missing.text) == (422, True)
    done = ada.post(path, {"because": f"a test {HOSTILE}"})
    assert "Discarded" in done.text
    assert "<img" not in done.text
    assert dead_letters[2] not in ada.get("/dead-letters").text
    assert "Already gone" in ada.post(path, {"because": "again"}).text


def test_the_filter_survives_opening_a_dead_letter(ada: Visitor, dead_letters: list[str]) -> None:
    listed = ada.get("/dead-letters", reason="not_json", kind="").text
    assert f'href="/dead-letters/{dead_letters[0]}?reason=not_json"' in listed
    page = f"/dead-letters/{dead_letters[0]}?reason=not_json&kind=a%26b"
    assert 'href="/dead-letters?reason=not_json&amp;kind=a%26b">Back to the list' in ada.get(page).text
    path, current = f"/dead-letters/{dead_letters[0]}/discard", {"HX-Current-URL": f"{ada.url}{page}"}
    done = ada.post(path, {"because": "a test"}, **current).text
    assert 'href="/dead-letters?reason=not_json&amp;kind=a%26b">Back to the list' in done


def test_only_admins_see_and_handle_dead_letters(
    ann: Visitor, sue: Visitor, dead_letters: list[str], ada: Visitor
) -> None:
    for visitor in (ann, sue):
        assert 'href="/dead-letters"' not in visitor.get("/").text
        for path in (
            "/dead-letters",
            f"/dead-letters/{dead_letters[0]}",
            f"/dead-letters/{dead_letters[0]}/replay",
        ):
            assert visitor.get(path).status_code == 403, path
        for does in ("replay", "discard"):
            answer = visitor.post(f"/dead-letters/{dead_letters[0]}/{does}", {"because": "x"})
            assert answer.status_code == 403
        assert visitor.post("/dead-letters/replay", {"reason": "not_json"}).status_code == 403
    assert dead_letters[0] in ada.get("/dead-letters").text
