"""Contact notes over REST, on real servers: written, amended, read, and refused."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from time import monotonic
from typing import Any

import httpx
import pytest
from pymongo.database import Database

from app.aggregates import ContactNote
from app.api.notes import routes
from app.event_store.application import Servicing
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.api.money import client_of
from tests.support.api.notes import NOTE, NOTES, store_of
from tests.support.api.serving import serving
from tests.support.commands import Billie
from tests.support.data.stored import live
from tests.support.roles import project, projecting
from tests.support.waiting import LONG_S

KEY = {"Idempotency-Key": "note-00000001"}


@pytest.fixture
def settings(settings: Settings, mongo_db: Database[dict[str, Any]]) -> Settings:
    """With two customers, and the validators and indexes."""
    assert list(migrate(mongo_db))
    store_of(settings, "C1", "C2")
    return settings


@pytest.fixture
def url(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The API beside running projections, for which it waits longer than for two seconds."""
    monkeypatch.setattr(routes, "_READABLE_WITHIN_S", LONG_S)
    with projecting(settings), serving(settings) as url:
        yield url


@pytest.fixture
def ann(url: str, settings: Settings) -> Iterator[httpx.Client]:
    with client_of(url, settings) as client:
        yield client


def written(client: httpx.Client, path: str = NOTES, key: dict[str, str] | None = None, **more: Any) -> Any:
    """Write a note that can be read at once."""
    answer = client.post(path, json=NOTE | more, headers=key)
    assert answer.status_code == 201, answer.text
    return answer.json()


def amended(client: httpx.Client, note: Any, **content: Any) -> Any:
    answer = client.post(f"/v1/notes/{note['noteId']}/amendments", json=content)
    assert answer.status_code == 201, answer.text
    return answer.json()


def events_of(settings: Settings, note_id: str) -> list[str]:
    servicing = Servicing.from_url(settings.event_store_url)
    try:
        return [type(each).__name__ for each in servicing.events.get(ContactNote.id_of(note_id))]
    finally:
        servicing.close()


def test_a_note_can_be_read_at_once(ann: httpx.Client, mongo_db: Database[dict[str, Any]]) -> None:
    for number in range(20):
        content = f"<script>alert({number})</script>\r\n# «{number}» 🙂 \n"
        answer = ann.post(NOTES, json=NOTE | {"content": content, "loanAccountId": "L1"})
        assert answer.status_code == 201
        note = answer.json()
        assert ann.get(NOTES).json()["items"][0] == note
        assert ann.get(answer.headers["Location"]).json() == note | {"chain": [note]}
        stored = mongo_db["contact-notes"].find_one({"_id": note["noteId"]})
        assert stored is not None
        assert stored["content"] == content
    del note["noteId"], note["createdAt"]
    assert note == NOTE | {
        "customerId": "C1",
        "loanAccountId": "L1",
        "contactDirection": "inbound",
        "content": content,
        "priority": "normal",
        "sentiment": "neutral",
        "createdBy": {"id": "ann"},
        "status": "active",
    }


def test_any_note_of_a_thread_shows_the_whole_thread(ann: httpx.Client) -> None:
    first = written(ann, loanAccountId="L1", conversationId="V1", priority="high")
    second = amended(ann, first, content="Asked for two weeks.", sentiment="negative")
    third = amended(ann, second, content="Asked for three.", loanAccountId=None, noteType="phone_outbound")
    other = written(ann)
    assert (second["subject"], second["priority"], second["loanAccountId"], second["amendsNoteId"]) == (
        first["subject"],
        "high",
        "L1",
        first["noteId"],
    )
    assert "loanAccountId" not in third
    assert (third["conversationId"], third["contactDirection"]) == ("V1", "outbound")
    for note in (first, second, third):
        shown = ann.get(f"/v1/notes/{note['noteId']}").json()
        chain = shown.pop("chain")
        assert [each["noteId"] for each in chain] == [each["noteId"] for each in (first, second, third)]
        assert [each["status"] for each in chain] == ["amended", "amended", "active"]
        assert [each["content"] for each in chain] == [each["content"] for each in (first, second, third)]
        assert shown in chain
    assert [each["noteId"] for each in ann.get("/v1/notes?status=active").json()["items"]] == [
        other["noteId"],
        third["noteId"],
    ]
    answer = ann.post(f"/v1/notes/{first['noteId']}/amendments", json={"content": "Too late."})
    assert (answer.status_code, answer.json()["code"]) == (409, "note_amended")
    assert second["noteId"] in answer.json()["detail"]


def test_a_long_thread_is_shown_in_part(ann: httpx.Client, mongo_db: Database[dict[str, Any]]) -> None:
    names = [f"N{number}" for number in range(53)]
    common: dict[str, Any] = {"customerId": "C1", "noteType": "sms", "subject": "Hello", "content": "Hi"}
    common |= {"priority": "low", "sentiment": "neutral"}
    common |= {"createdBy": {"id": "ann"}, "createdAt": datetime.now(UTC)}
    older = [{}, *({"amendsNoteId": name} for name in names[:-1])]
    newer = [*({"amendedByNoteId": name, "status": "amended"} for name in names[1:]), {"status": "active"}]
    mongo_db["contact-notes"].insert_many(
        {"_id": name} | common | before | after
        for name, before, after in zip(names, older, newer, strict=True)
    )

    def chain(name: str) -> list[str]:
        return [each["noteId"] for each in ann.get(f"/v1/notes/{name}").json()["chain"]]

    assert chain(names[0]) == names[:51]
    assert chain(names[52]) == names[2:]
    assert chain(names[26]) == names


def test_one_of_concurrent_amendments_wins(url: str, settings: Settings, ann: httpx.Client) -> None:
    callers = 6
    note = written(ann)
    for _ in range(5):
        path, start = f"/v1/notes/{note['noteId']}/amendments", Barrier(callers)

        def amend(number: int, path: str = path, start: Barrier = start) -> httpx.Response:
            with client_of(url, settings, user=f"user-{number}") as client:
                start.wait(LONG_S)
                return client.post(path, json={"content": f"By {number}."})

        with ThreadPoolExecutor(callers) as threads:
            answers = list(threads.map(amend, range(callers)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * (callers - 1)
        assert {answer.json()["code"] for answer in answers if answer.is_error} == {"note_amended"}
        assert events_of(settings, note["noteId"])[-1] == "Amended"
        note = next(answer.json() for answer in answers if answer.is_success)
        chain = ann.get(f"/v1/notes/{note['noteId']}").json()["chain"]
        assert chain[-1] == note
    assert len(ann.get(NOTES).json()["items"]) == 6, "the losers wrote nothing"


def test_a_key_gives_the_first_note_again(url: str, settings: Settings, ann: httpx.Client) -> None:
    note = written(ann, key=KEY)
    again = ann.post(NOTES, json=NOTE, headers=KEY)
    assert (again.status_code, again.json(), again.headers["Idempotent-Replay"]) == (201, note, "true")
    assert "Idempotent-Replay" not in ann.post(NOTES, json=NOTE).headers
    path, amendment = f"/v1/notes/{note['noteId']}/amendments", {"content": "Asked for two weeks."}
    with client_of(url, settings, user="bob") as bob:
        for client, where, body in (
            (ann, NOTES, NOTE | {"content": "Another."}),
            (ann, NOTES, NOTE | {"priority": "urgent"}),
            (ann, "/v1/customers/C2/notes", NOTE),
            (ann, path, amendment),
            (bob, NOTES, NOTE),
        ):
            answer = client.post(where, json=body, headers=KEY)
            assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused"), body
    key = {"Idempotency-Key": "note-00000002"}
    newer = ann.post(path, json=amendment, headers=key)
    again = ann.post(path, json=amendment, headers=key)
    assert (again.status_code, again.json()) == (201, newer.json())
    assert again.headers["Idempotent-Replay"] == "true"
    assert ann.post(NOTES, json=NOTE, headers=KEY).json()["status"] == "amended", "as it is now"
    assert len(ann.get(NOTES).json()["items"]) == 3


def test_concurrent_requests_with_one_key_give_one_note(
    url: str, settings: Settings, ann: httpx.Client
) -> None:
    start = Barrier(6)

    def write(_: int) -> httpx.Response:
        with client_of(url, settings) as client:
            start.wait(LONG_S)
            return client.post(NOTES, json=NOTE, headers=KEY)

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(write, range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotent-Replay" not in answer.headers for answer in answers) == 1
    assert len(ann.get(NOTES).json()["items"]) == 1


def test_a_key_has_the_form_of_those_of_money(ann: httpx.Client) -> None:
    for key in ("short", "with space in it", "x" * 129, "", "write-off-W1"):
        answer = ann.post(NOTES, json=NOTE, headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key"), key


def test_without_projections_a_note_is_stored_and_reported_unreadable(settings: Settings) -> None:
    with serving(settings) as url, client_of(url, settings) as ann:
        began = monotonic()
        answer = ann.post(NOTES, json=NOTE, headers=KEY)
        assert 1.9 < monotonic() - began < 15, "two seconds; and not many more on a busy machine"
        assert (answer.status_code, answer.headers["Retry-After"]) == (202, "2")
        assert ann.get(answer.headers["Location"]).status_code == 404
        project(settings, drain=True)
        note = ann.get(answer.headers["Location"]).json()
        assert note | answer.json() == note
        again = ann.post(NOTES, json=NOTE, headers=KEY)
        assert (again.status_code, again.json()) == (201, answer.json())


def test_concurrent_waits_do_not_block_each_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them ends before all of them wait."""
    waiting = list[int]()

    async def wait(_database: Any, _projection: str, position: int, _seconds: float) -> bool:
        waiting.append(position)
        while len(waiting) < 40:
            await asyncio.sleep(0.01)
        return False

    monkeypatch.setattr(routes, "comes_to", wait)
    with serving(settings) as url, client_of(url, settings) as ann, ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(lambda _: ann.post(NOTES, json=NOTE), range(40)))
    assert {answer.status_code for answer in answers} == {202}


def test_without_mongo_a_note_is_still_stored(settings: Settings) -> None:
    away = settings.model_copy(update={"mongo_url": "mongodb://127.0.0.1:1"})
    with serving(away) as url, client_of(url, settings) as ann:
        answer = ann.post(NOTES, json=NOTE)
        assert answer.status_code == 202
        assert ann.get("/v1/notes").status_code == 503
    assert events_of(settings, answer.json()["noteId"]) == ["Registered", "Written"]


def test_a_note_that_was_set_aside_is_not_reported_readable(
    ann: httpx.Client, mongo_db: Database[dict[str, Any]]
) -> None:
    mongo_db.command("collMod", "contact-notes", validator={"priority": "low"})
    answer = ann.post(NOTES, json=NOTE)
    assert answer.status_code == 202
    shown = ann.get(answer.headers["Location"])
    assert (shown.status_code, shown.json()["code"]) == (503, "document_set_aside")
    newer = amended(ann, answer.json(), content="Asked for two weeks.", priority="low")
    assert ann.get(NOTES).json()["items"] == [newer]
    assert ann.get(f"/v1/notes/{newer['noteId']}").json()["chain"] == [newer]


def test_an_unavailable_event_store_is_503(settings: Settings) -> None:
    away = settings.model_copy(update={"event_store_url": f"{settings.event_store_url}.not"})
    with serving(away) as url, client_of(url, settings) as ann:
        for path, body in ((NOTES, NOTE), ("/v1/notes/N1/amendments", {"content": "x"})):
            answer = ann.post(path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (503, "event_store_unavailable")
            assert answer.json()["retryable"]


def test_lists_are_filtered_and_paged_newest_first(url: str, settings: Settings, ann: httpx.Client) -> None:
    began = datetime.now(UTC)
    with client_of(url, settings, user="bob") as bob:
        for number in range(6):
            author = bob if number % 2 else ann
            customer = "C1" if number < 4 else "C2"
            written(
                author,
                f"/v1/customers/{customer}/notes",
                subject=str(number),
                noteType="complaint" if number == 3 else "sms",
                priority="urgent" if number in (1, 5) else "low",
                loanAccountId=f"L{number // 2}",
            )

    def found(path: str = "/v1/notes", **filters: str | int) -> str:
        following: str | None = str(httpx.URL(url + path, params=filters))
        seen = ""
        while following is not None:
            answer = ann.get(following)
            assert answer.status_code == 200, answer.text
            seen += "".join(item["subject"] for item in answer.json()["items"])
            following = answer.json().get("next")
        return seen

    times = {each["subject"]: each["createdAt"] for each in ann.get("/v1/notes").json()["items"]}
    assert found() == found(limit=1) == found(limit=4) == "543210"
    assert found(NOTES) == found(NOTES, limit=1) == found(customerId="C1") == "3210"
    assert found(createdBy="bob") == "531"
    assert found(createdBy="bob", customerId="C1", limit=1) == "31"
    assert found(noteType="complaint") == "3"
    assert found(priority="urgent") == found(priority="urgent", limit=1) == "51"
    assert found(loanAccountId="L1") == found(NOTES, loanAccountId="L1") == "32"
    assert found(status="amended") == ""
    assert found(**{"from": times["4"]}) == "54"
    assert found(to=times["4"]) == "3210"
    assert found(NOTES, **{"from": times["1"], "to": times["3"]}) == "21"
    assert found(to=(began - timedelta(minutes=1)).isoformat()) == ""
    assert found("/v1/customers/C2/notes", createdBy="ann") == "4"
    assert ann.get("/v1/customers/C3/notes").status_code == 404


def test_each_role_calls_only_its_note_routes(url: str, settings: Settings, ann: httpx.Client) -> None:
    note = written(ann)
    paths = (NOTES, "/v1/notes", f"/v1/notes/{note['noteId']}")
    amendments = f"/v1/notes/{note['noteId']}/amendments"
    with client_of(url, settings, "readonly", "eve") as eve:
        assert [eve.get(path).status_code for path in paths] == [200] * 3
        for path in (NOTES, amendments):
            answer = eve.post(path, json=NOTE)
            assert (answer.status_code, answer.json()["code"]) == (403, "role_too_low")
    for path in paths:
        assert httpx.get(url + path).status_code == 401
    for path in (NOTES, amendments):
        assert httpx.post(url + path, json=NOTE).status_code == 401
    for role in ("supervisor", "admin"):
        with client_of(url, settings, role, "eve") as eve:
            assert written(eve)["createdBy"] == {"id": "eve"}


BAD_BODIES: list[tuple[dict[str, Any], str]] = [
    ({"noteType": None}, "body.noteType"),
    ({"noteType": "telegram"}, "body.noteType"),
    ({"noteType": {"$gt": ""}}, "body.noteType"),
    ({"subject": ""}, "body.subject"),
    ({"subject": "  "}, "body.subject"),
    ({"subject": "x" * 201}, "body.subject"),
    ({"subject": "a\x00b"}, "body.subject"),
    ({"subject": {"$ne": 1}}, "body.subject"),
    ({"subject": 7}, "body.subject"),
    ({"content": ""}, "body.content"),
    ({"content": " \n"}, "body.content"),
    ({"content": "x" * 20_001}, "body.content"),
    ({"content": "a\x00b"}, "body.content"),
    ({"content": "a\ud800b"}, "body.content"),
    ({"content": ["x"]}, "body.content"),
    ({"contactDirection": "sideways"}, "body.contactDirection"),
    ({"priority": "whenever"}, "body.priority"),
    ({"sentiment": "furious"}, "body.sentiment"),
    ({"loanAccountId": ""}, "body.loanAccountId"),
    ({"loanAccountId": {"$gt": ""}}, "body.loanAccountId"),
    ({"loanAccountId": "L\x001"}, "body.loanAccountId"),
    ({"loanAccountId": "L\udfff"}, "body.loanAccountId"),
    ({"conversationId": "x" * 257}, "body.conversationId"),
    ({"createdBy": {"id": "bob"}}, "body.createdBy"),
    ({"customerId": "C2"}, "body.customerId"),
    ({"$where": "1"}, "body.$where"),
]


def test_an_invalid_note_is_refused(settings: Settings) -> None:
    store_of(settings)
    with serving(settings) as url, client_of(url, settings) as ann:
        for more, where in BAD_BODIES:
            for path in (NOTES, "/v1/notes/N1/amendments"):
                if path != NOTES and more == {"noteType": None}:
                    continue
                answer = ann.post(
                    path, content=json.dumps(NOTE | more), headers={"Content-Type": "application/json"}
                )
                assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), more
                assert answer.json()["detail"].startswith(f"{where}: "), answer.json()["detail"]
        for missing in ("noteType", "subject", "content"):
            body = {name: value for name, value in NOTE.items() if name != missing}
            assert ann.post(NOTES, json=body).json()["detail"].startswith(f"body.{missing}: ")
        for text in ("{", "[]", "null", '"x"', "[" * 5_000):
            answer = ann.post(NOTES, content=text, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 422), text[:10]
            assert answer.headers["content-type"] == "application/problem+json"
        large = ann.post(NOTES, json=NOTE | {"content": "x" * 300_000})
        assert (large.status_code, large.json()["code"]) == (413, "too_large")


def test_the_longest_note_of_the_widest_characters_is_kept(ann: httpx.Client) -> None:
    body = json.dumps(NOTE | {"subject": "𝄞" * 200, "content": "𝄞" * 20_000})
    assert len(body) > 240_000, "each as two escapes"
    answer = ann.post(NOTES, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201
    assert ann.get(answer.headers["Location"]).json()["content"] == "𝄞" * 20_000


def test_unknown_ids_are_not_found(ann: httpx.Client) -> None:
    for name in ("nobody", "%24gt", "%2E", "C.1", "%00", "C1%00", "%F0%9F%99%82", "%ff", "x" * 256):
        for answer in (
            ann.post(f"/v1/customers/{name}/notes", json=NOTE),
            ann.get(f"/v1/customers/{name}/notes"),
            ann.get(f"/v1/notes/{name}"),
            ann.post(f"/v1/notes/{name}/amendments", json={"content": "x"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.url
    assert ann.get(f"/v1/notes/{'x' * 257}").status_code == 422


BAD_QUERIES = (
    ("note_type=sms", 400, "unknown_parameter"),
    ("noteType[$ne]=sms", 400, "unknown_parameter"),
    ("noteType=%24ne", 422, "invalid_request"),
    ("priority=", 422, "invalid_request"),
    ("loanAccountId=", 422, "invalid_request"),
    ("from=yesterday", 422, "invalid_request"),
    ("from=2026-03-01T10:00:00", 422, "invalid_request"),
    ("from=0001-01-01T00:00:00%2B14:00", 422, "invalid_request"),
    ("to=9999-12-31T23:59:59-14:00", 422, "invalid_request"),
    ("cursor=x", 400, "invalid_cursor"),
    ("limit=0", 422, "invalid_request"),
)


def test_lists_refuse_unknown_parameters(ann: httpx.Client) -> None:
    written(ann)
    for query, status, code in BAD_QUERIES:
        for path in ("/v1/notes", NOTES):
            answer = ann.get(f"{path}?{query}")
            assert (answer.status_code, answer.json()["code"]) == (status, code), query
    assert ann.get(f"{NOTES}?customerId=C2").json()["code"] == "unknown_parameter"
    assert ann.get("/v1/notes?createdBy=%24gt&customerId=%00&loanAccountId=a.b").json() == {"items": []}
    assert ann.get("/v1/ledger-commands?from=0001-01-01T00:00:00%2B14:00").status_code == 422


def test_notes_are_not_edited_or_deleted(ann: httpx.Client) -> None:
    path = f"/v1/notes/{written(ann)['noteId']}"
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        answer = ann.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    for method, where in (("DELETE", NOTES), ("POST", "/v1/notes"), ("GET", f"{path}/amendments")):
        assert ann.request(method, where).status_code == 405


def test_a_rebuild_gives_the_same_notes(
    ann: httpx.Client, billie: Billie, mongo_db: Database[dict[str, Any]]
) -> None:
    amended(ann, written(ann), content="Asked for two weeks.")
    before = live(mongo_db, "contact-notes")
    assert len(before["contact-notes"]) == 2
    billie.run("verify", "contact-notes")
    billie.run("rebuild", "contact-notes")
    assert live(mongo_db, "contact-notes") == before
    written(ann)


def test_an_amendment_may_name_the_version_seen(ann: httpx.Client) -> None:
    note = written(ann)
    path = f"/v1/notes/{note['noteId']}"
    seen = {"If-Match": ann.get(path).headers["ETag"]}
    content, address = {"content": "It was two weeks."}, f"{path}/amendments"
    answer = ann.post(address, json=content, headers={"If-Match": '"0123"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "changed_meanwhile")
    first = ann.post(address, json=content, headers=KEY | seen)
    assert first.status_code == 201
    again = ann.post(address, json=content, headers=KEY | seen)
    assert (again.status_code, again.json()) == (201, first.json()), (
        "a repeat is one, without a version check"
    )
    answer = ann.post(address, json=content, headers=seen)
    assert (answer.status_code, answer.json()["code"]) == (412, "changed_meanwhile")
    answer = ann.post(address, json=content, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()["code"]) == (409, "note_amended")
