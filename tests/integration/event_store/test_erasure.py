"""The erasure of a customer, and the keys of personal data, on real servers: SQLite and PostgreSQL."""

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from app.aggregates import Conversation, Customer, LoanAccount
from app.aggregates.personal import ERASED
from app.event_store.application import Servicing
from app.event_store.erasure import MoneyOpenError
from app.privacy.key_rotation import rotate_keys
from app.privacy.key_tables import KeyTables
from app.privacy.master_keys import MasterKeyError, MasterKeys
from app.projections.migrations import migrate
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from tests.support.api.money import client_of
from tests.support.api.serving import serving
from tests.support.commands import Billie
from tests.support.data.erasing import (
    REASON,
    SECRET,
    erase,
    know,
    stored_bytes,
)
from tests.support.data.given import absorb
from tests.support.data.projecting import On
from tests.support.roles import project, projecting

MongoDatabase = Database[dict[str, Any]]
ERASURE = "/v1/customers/C1/erasure"
ONE, TWO = MasterKeys(b"1" * 32), MasterKeys(b"2" * 32, b"1" * 32)


def text_of(key: bytes) -> str:
    return b64encode(key).decode()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty event store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def store(url: str) -> Iterator[Servicing]:
    with closing(Servicing.from_url(url)) as servicing:
        yield servicing


def names_of(servicing: Servicing, customer_id: str) -> list[Any]:
    events = servicing.events.get(Customer.id_of(customer_id))
    return [each.full_name for each in events if isinstance(each, Customer.NameChanged)]


def test_an_erased_customer_is_unreadable_in_every_process(url: str, store: Servicing) -> None:
    know(store, "C1", "L1")
    know(store, "C2", "L2")
    with closing(Servicing.from_url(url, cache=100)) as other:
        assert names_of(other, "C1") == [f"{SECRET} Moss"]
        erased = erase(store)
        assert erased.position == store.max_position()
        assert names_of(store, "C1") == [ERASED]
        other.privacy.keys.refresh()  # As it does within a second by itself.
        assert names_of(other, "C1") == [ERASED]
        assert names_of(other, "C2") == [f"{SECRET} Moss"]
        assert erase(other).event.at == erased.event.at


def test_a_consumer_with_a_warm_cache_stores_no_erased_data(url: str, store: Servicing) -> None:
    know(store, "C1", "L1")
    with closing(Servicing.from_url(url, cache=100)) as warm:
        customer, chat = On(Customer, "C1"), On(Conversation, "L1")
        absorb(warm, [customer.report_details(at=30, preferred_name="Wil")])
        absorb(warm, [chat.add_utterance(at=31, username="customer", utterance="Hello")])
        erase(store)
        late = [
            customer.report_details(at=40, last_name=SECRET),
            chat.add_utterance(at=41, username="customer", utterance=SECRET),
            On(Conversation, "V9").start(at=42, customer_id="C1"),
            On(Conversation, "V9").add_utterance(at=43, username="customer", utterance=SECRET),
        ]
        for each in late:
            warm.change(lambda unit, each=each: tell(unit, each))  # type: ignore[misc]
        assert names_of(store, "C1") == [ERASED] * 3
        utterances = [
            event.utterance
            for name in ("L1", "V9")
            for event in store.events.get(Conversation.id_of(name))
            if isinstance(event, Conversation.UtteranceAdded)
        ]
        assert utterances == [ERASED] * 4
    assert SECRET.encode() not in stored_bytes(store)


def tell(unit: Any, step: Any) -> None:
    aggregate = unit.obtain(step.kind, step.business_id, step.source)
    getattr(aggregate, step.command)(step.source, **step.arguments)


def test_rotation_is_resumed_and_repeated(url: str) -> None:
    with closing(Servicing.from_url(url, masters=ONE)) as store:
        for number in range(4):
            know(store, f"C{number}", f"L{number}")
        erase(store, "C3")
    with closing(Servicing.from_url(url, masters=TWO)) as store:
        know(store, "C5", "L5")  # By the new master key, while the old one is in use.
        stopped = rotate_keys(store.privacy.tables, store.privacy.keys.masters, lambda _: False)
        assert (stopped.done, stopped.left) == (18, 0), "a page holds more than these"
        assert rotate_keys(store.privacy.tables, store.privacy.keys.masters).done == 0
        assert [names_of(store, name) for name in ("C0", "C3")] == [[f"{SECRET} Moss"], [ERASED]]
    with closing(Servicing.from_url(url, masters=MasterKeys(b"2" * 32))) as store:
        assert names_of(store, "C0") == names_of(store, "C5") == [f"{SECRET} Moss"]
    with pytest.raises(MasterKeyError, match="is not the master key"):
        Servicing.from_url(url, masters=ONE)


@pytest.mark.parametrize("masters", [MasterKeys(), MasterKeys(b"3" * 32)])
def test_a_wrong_master_key_is_found_at_the_start(url: str, masters: MasterKeys) -> None:
    with closing(Servicing.from_url(url, masters=ONE)) as store:
        know(store, "C1", "L1")
    with pytest.raises(MasterKeyError, match="BILLIE_MASTER_KEY"):
        Servicing.from_url(url, masters=masters)


class CrashError(Exception):
    """The process ends here."""


def test_an_erasure_is_atomic(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Servicing.from_url(url)) as store:
        know(store, "C1", "L1")
        know(store, "C1", "L2")
        before, newest = stored_bytes(store), store.max_position()
        write, crashes = KeyTables.write, 0
        while True:
            left = crashes

            def dying(self: KeyTables, execute: Any, beside: Any) -> None:
                def counted(statement: str, values: Any) -> Any:
                    nonlocal left
                    if not left:
                        raise CrashError
                    left -= 1
                    return execute(statement, values)

                write(self, counted, beside)
                if not left:
                    raise CrashError

            with monkeypatch.context() as patched:
                patched.setattr(KeyTables, "write", dying)
                try:
                    erase(store)
                except CrashError:
                    crashes += 1
                else:
                    break
            assert (stored_bytes(store), store.max_position()) == (before, newest)
            store.privacy.keys.refresh()
            assert store.privacy.keys.erased == {}
            assert names_of(store, "C1")[-1] == f"{SECRET} Moss"
        assert crashes > 20
        assert set(names_of(store, "C1")) == {ERASED}
        assert SECRET.encode() not in stored_bytes(store)


def files_of(path: Path) -> bytes:
    """The store's file, and its write-ahead log."""
    return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")))


def test_no_erased_data_is_left_in_sqlite_files(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(Servicing.from_url(f"sqlite:///{path}")) as store:
        know(store, "C1", "L1")
        keys = store.privacy.tables.keys_of([Customer.id_of("C1"), Conversation.id_of("L1")])
        assert len(keys) == 2
        assert all(each.wrapped in files_of(path) for each in keys)
        erase(store)
        assert not any(each.wrapped in files_of(path) for each in keys)
        assert SECRET.encode() not in files_of(path)


# Over HTTP, and by the console script.


@pytest.fixture
def known(settings: Settings, mongo_db: MongoDatabase) -> Settings:
    """Two customers, known and shown."""
    list(migrate(mongo_db))
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        know(servicing, "C1", "L1")
        know(servicing, "C2", "L2")
    project(settings, drain=True)
    return settings


def shown(database: MongoDatabase) -> str:
    names = [name for each in all_projections(Settings()).values() for name in each.collections()]
    return str([list(database[name].find()) for name in names])


def test_erasure_over_http_is_refused_done_and_repeatable(
    known: Settings, mongo_db: MongoDatabase, billie: Billie
) -> None:
    body, key = {"reason": REASON}, {"Idempotency-Key": "erasure-00000001"}
    with projecting(known), serving(known) as url, client_of(url, known, "supervisor") as bob:
        assert bob.post(ERASURE, json=body).status_code == 403
        with client_of(url, known, "admin", "eve") as eve:
            assert eve.post(ERASURE, json={"reason": "short"}).status_code == 422
            assert eve.post("/v1/customers/C9/erasure", json=body).status_code == 404
            with closing(Servicing.from_url(known.event_store_url)) as servicing:
                absorb(servicing, [On(LoanAccount, "L5").open(customer_id="C2", status="ACTIVE")])
            refused = eve.post("/v1/customers/C2/erasure", json=body)
            assert (refused.status_code, refused.json()["code"]) == (409, "money_open")
            assert "L5" in refused.json()["detail"]

            done = eve.post(ERASURE, json=body, headers=key)
            assert done.status_code == 201, done.text
            erasure = done.json()
            assert erasure["erasedBy"] == {"id": "eve", "role": "admin"}
            assert erasure["cleared"]["conversations"] == 1
            assert erasure["deadLetters"] == []
            again = eve.post(ERASURE, json=body, headers=key)
            assert (again.status_code, again.headers["Idempotent-Replay"]) == (201, "true")
            assert again.json() == erasure
            reused = eve.post(ERASURE, json={"reason": "something else entirely"}, headers=key)
            assert (reused.status_code, reused.json()["code"]) == (409, "idempotency_key_reused")

            customer = eve.get("/v1/customers/C1").json()
            assert customer["erasedAt"] == erasure["erasedAt"]
            assert "fullName" not in customer
            note = {"noteType": "sms", "subject": "Hello", "content": "Hello"}
            late = eve.post("/v1/customers/C1/notes", json=note)
            assert (late.status_code, late.json()["code"]) == (409, "customer_erased")
            [shown_note] = eve.get("/v1/customers/C1/notes").json()["items"]
            assert shown_note["content"] == "[erased]"
    theirs = [each for each in mongo_db["conversations"].find() if each["_id"] == "L1"]
    assert SECRET not in str(theirs)
    assert SECRET not in billie.run("history", "customer", "C1")
    assert "fullName [erased]" in billie.run("history", "customer", "C1")
    assert billie.end("verify").returncode == 0
    billie.run("rebuild", "--all")
    assert billie.end("verify").returncode == 0
    assert SECRET not in str(list(mongo_db["customers"].find({"_id": "C1"})))


def test_the_store_is_encrypted_and_the_commands_report_its_status(known: Settings, billie: Billie) -> None:
    one, two = text_of(os.urandom(32)), text_of(os.urandom(32))
    status = json.loads(billie.run("keys", "status", "--json"))
    assert (status["dataKeys"], status["unwrapped"]) == (12, 12)
    assert billie.end("keys", "rotate").returncode == 2, "no master key is set"

    first = billie.end("keys", "rotate", "--json", BILLIE_MASTER_KEY=one)
    assert json.loads(first.stdout) == {"rotated": 12, "left": 0}
    for wrong in ({}, {"BILLIE_MASTER_KEY": two}):
        for line in ("history customer C1", "ingest --drain", "project --drain", "api"):
            command = line.split()
            ended = billie.end(*command, **wrong)
            assert (ended.returncode, "BILLIE_MASTER_KEY" in ended.stderr) == (2, True), (command, ended)
            assert two not in ended.stderr
    both = {"BILLIE_MASTER_KEY": two, "BILLIE_MASTER_KEY_PREVIOUS": one}
    assert SECRET in billie.end("history", "customer", "C1", **both).stdout
    assert "12 data keys rewrapped, 0 left." in billie.end("keys", "rotate", **both).stdout
    status = json.loads(billie.end("keys", "status", "--json", BILLIE_MASTER_KEY=two).stdout)
    assert (status["wrappedByCurrent"], status["wrappedByPrevious"], status["unwrapped"]) == (12, 0, 0)
    bad = billie.end("keys", "status", BILLIE_MASTER_KEY="c2hvcnQ=")
    assert (bad.returncode, "openssl rand -base64 32" in bad.stderr) == (2, True)


def test_an_open_account_is_found_in_the_events_not_in_a_read_model(known: Settings) -> None:
    with closing(Servicing.from_url(known.event_store_url)) as servicing:
        absorb(servicing, [On(LoanAccount, "L9").open(customer_id="C1", status="ACTIVE")])
        with pytest.raises(MoneyOpenError):
            erase(servicing)
