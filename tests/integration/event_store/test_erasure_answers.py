"""What an erasure answers: 201 only where nothing is left to be read, and the dead letters to look at."""

import json
from collections.abc import Iterator
from contextlib import closing
from threading import Event
from typing import Any

import httpx
import pytest
from pymongo.database import Database
from redis import Redis

from app.aggregates import Conversation
from app.event_store.application import Servicing
from app.ingestion.dead_letters import store as dead_letters
from app.ingestion.dead_letters.store import DeadLetterStore, mentions_of
from app.projections.engine.positions import COLLECTION
from app.projections.migrations import migrate
from app.projections.rebuild.shadow import ERASED_UP_TO, record_id
from app.runtime.settings.settings import Settings
from tests.support.api.money import client_of
from tests.support.api.serving import serving
from tests.support.data.erasing import REASON, SECRET, know
from tests.support.data.given import absorb
from tests.support.data.projecting import On
from tests.support.roles import ingest, project, projecting

Mongo = Database[dict[str, Any]]
ERASURE, BODY = "/v1/customers/C1/erasure", {"reason": REASON}


@pytest.fixture
def eve(settings: Settings, mongo_db: Mongo) -> Iterator[httpx.Client]:
    """An admin of a running system, that knows a customer."""
    list(migrate(mongo_db))
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        know(servicing, "C1", "L1")
    project(settings, drain=True)
    with projecting(settings), serving(settings) as url, client_of(url, settings, "admin", "eve") as client:
        yield client


def test_after_201_this_process_reads_no_erased_data(eve: httpx.Client) -> None:
    paths = ("/v1/customers/C1/history", "/v1/loan-accounts/L1/history", "/v1/conversations/L1/history")
    assert all(SECRET in eve.get(path).text for path in paths[:1])
    done = eve.post(ERASURE, json=BODY)
    assert done.status_code == 201, done.text
    assert "deadLettersNotLookedAt" not in done.json()
    assert not any(SECRET in eve.get(path).text for path in paths)


def test_a_customer_known_only_by_a_chat_is_erased_over_http(eve: httpx.Client, settings: Settings) -> None:
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        absorb(servicing, [On(Conversation, "V7").start(at=1, customer_id="C7")])
        absorb(servicing, [On(Conversation, "V7").add_utterance(at=2, username="customer", utterance=SECRET)])
    done = eve.post("/v1/customers/C7/erasure", json=BODY)
    assert (done.status_code, done.json()["cleared"]) == (201, {"conversations": 1})
    assert eve.get("/v1/customers/C7").json()["erasedAt"] == done.json()["erasedAt"]
    assert eve.post("/v1/customers/C8/erasure", json=BODY).status_code == 404


def test_erasure_is_202_while_a_document_holds_erased_data(eve: httpx.Client, mongo_db: Mongo) -> None:
    assert eve.post(ERASURE, json=BODY).status_code == 201
    mark = {"cause": "evolve_failed", "position": 1, "event": "E", "error": "e", "empty": False}
    left = {"$set": {"_faulted": mark}, "$unset": {"erasedAt": ""}}
    mongo_db["customers"].update_one({"_id": "C1"}, left)
    again = eve.post(ERASURE, json=BODY)
    assert (again.status_code, again.headers["Retry-After"]) == (202, "2")
    mongo_db["customers"].update_one({"_id": "C1"}, {"$set": {"_faulted.empty": True}})
    assert eve.post(ERASURE, json=BODY).status_code == 201


def test_erasure_is_202_while_a_rebuild_holds_erased_data(eve: httpx.Client, mongo_db: Mongo) -> None:
    records, key = mongo_db[COLLECTION], {"_id": record_id("conversations")}
    held = {"lease": {"owner": "a rebuild", "beat": 1}, "position": 5, ERASED_UP_TO: 9}
    records.insert_one(key | held)
    assert eve.post(ERASURE, json=BODY).status_code == 202
    records.update_one(key, {"$set": {"position": 1_000}})
    assert eve.post(ERASURE, json=BODY).status_code == 201


def test_dead_letters_of_the_customer_are_listed(
    eve: httpx.Client, settings: Settings, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = json.dumps({"customer_id": "C1", "first_name": SECRET})
    for entry in (
        {"typ": "user_input", "cid": "L1", "dat": json.dumps({"utterance": f"I am {SECRET}"}) + "x"},
        {"typ": "customer.changed.v1", "dat": details + "x"},
        {"typ": "customer.changed.v1", "dat": json.dumps(details) + "x"},
        {"typ": "customer.changed.v1", "dat": json.dumps({"customer_id": "ZOE"}) + "x"},
    ):
        redis_client.xadd(settings.inbox_stream, entry)  # type: ignore[arg-type]
    ingest(settings, drain=True, stop=Event())
    store = DeadLetterStore(redis_client, settings)
    theirs = [each.dead_letter_id for each in store.in_full() if "ZOE" not in str(each.entry)]
    assert len(store) == 4
    assert eve.post(ERASURE, json=BODY).json()["deadLetters"] == theirs
    monkeypatch.setattr(dead_letters, "_MOST_SEARCHED", 1)
    assert mentions_of(store, ["C1", "L1"]) == (theirs[:1], 3)
    assert eve.post(ERASURE, json=BODY).json()["deadLettersNotLookedAt"] == 3
