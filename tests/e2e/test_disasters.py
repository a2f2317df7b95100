"""MongoDB lost, Redis lost, the event store restored to an earlier time: what is left to do, and done."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from redis import Redis

from app.api.auth.development_tokens import issue_token
from app.ingestion.stream.publish import publish
from app.ledger.sandbox.books import Books
from app.runtime.servers.embedded import EmbeddedServer, embedded_mongo, embedded_redis
from app.runtime.settings.settings import Settings
from tests.chaos.clients import opened
from tests.chaos.ending import all_are_open
from tests.support.commands import Billie
from tests.support.data.stored import store_backlog
from tests.support.observed import (
    FROM_MESSAGES,
    all_read,
    dead_letters,
    documents,
    least_position,
    newest_position,
    pending,
)
from tests.support.servers.sandbox import serves
from tests.support.waiting import LONG_S, until
from tests.support.whole_system import on_free_ports, whole_system
from tools.lender_day import sample

ENTRIES = 4_000


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[EmbeddedServer]:
    server = embedded_redis(tmp_path / "redis")
    yield server
    server.stop()


@pytest.fixture
def mongo(tmp_path: Path) -> Iterator[EmbeddedServer]:
    server = embedded_mongo(tmp_path / "mongo")
    yield server
    server.stop()


@pytest.fixture
def settings(redis: EmbeddedServer, mongo: EmbeddedServer, tmp_path: Path) -> Settings:
    """Servers of a test's own: it loses them."""
    return on_free_ports(
        Settings(
            redis_url=redis.url,
            mongo_url=mongo.url,
            mongo_db="disaster",
            event_store_url=f"sqlite:///{tmp_path / 'store' / 'events.db'}",
            jwt_secret=SecretStr("a secret for tests, of more than 32 bytes"),
            rate_per_second=0,
        )
    )


def all_documents(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](settings.mongo_url, tz_aware=True) as client:
        return documents(client[settings.mongo_db])


def test_mongodb_is_lost_and_all_read_models_come_back_from_the_events(
    settings: Settings, mongo: EmbeddedServer, tmp_path: Path
) -> None:
    billie = Billie.of(settings)
    billie.run("migrate")
    newest = store_backlog(settings, ENTRIES)
    billie.run("project", "--drain")
    before = all_documents(settings)
    assert len(before["conversations"]) > 50
    mongo.kill()
    shutil.rmtree(tmp_path / "mongo" / "data")
    (tmp_path / "mongo" / "data").mkdir()
    mongo.start()
    began = monotonic()
    billie.run("migrate")
    billie.run("project", "--drain")
    seconds = monotonic() - began
    sys.stdout.write(f"\n{newest:,} events: all read models from nothing in {seconds:.1f} s\n")
    assert all_documents(settings) == before
    assert "no differences" in billie.run("verify")


def test_a_lost_redis_is_refilled_by_the_publishers(
    settings: Settings, redis: EmbeddedServer, tmp_path: Path
) -> None:
    # A clock ahead counts as the time at which its entry came in: each time another one.
    entries = [each for each in sample(7, 40) if "2126-" not in each.get("payload", "")]
    half = len(entries) // 2
    billie = Billie.of(settings)
    billie.run("migrate")
    with Redis.from_url(settings.redis_url, protocol=2) as client, (tmp_path / "log").open("w") as log:
        publish(client, settings.inbox_stream, entries[:half])
        ingesting = billie.start("ingest", log=log)
        until(lambda: _is_settled(client, settings), what="the first half")
        newest = newest_position(settings)
        redis.kill()
        shutil.rmtree(tmp_path / "redis" / "appendonlydir")
        redis.start()
        assert client.xlen(settings.inbox_stream) == 0, "nothing is left"
        # Where exactly it ended is unknown: the publishers send a day too much, and what was never read.
        publish(client, settings.inbox_stream, entries[half // 2 :])
        until(lambda: _is_settled(client, settings), what="a recreated group, and the rest")
        assert newest_position(settings) > newest
        ingesting.terminate()
        assert ingesting.wait(LONG_S) == 0
        assert "Created the consumer group" in (tmp_path / "log").read_text()
        billie.run("project", "--drain")
        under_loss = all_documents(settings)
        again = newest_position(settings)
        publish(client, settings.inbox_stream, entries)
        billie.run("ingest", "--drain")
        assert newest_position(settings) == again, "what comes once more changes nothing"
        assert dead_letters(client, settings)
    undisturbed = settings.model_copy(
        update={
            "consumer_group": "quiet",
            "dead_letter_stream": "dlq:quiet",
            "mongo_db": "quiet",
            "event_store_url": f"sqlite:///{tmp_path / 'quiet.db'}",
        }
    )
    undisturbed.model_fields_set.update(("consumer_group", "dead_letter_stream"))
    _read_again(undisturbed, entries, tmp_path)
    quiet = all_documents(undisturbed)
    for name in ("customers", "loan-accounts", "conversations", "write-off-requests"):
        assert under_loss[name] == quiet[name], name


def _read_again(settings: Settings, entries: list[dict[str, str]], folder: Path) -> None:
    """All entries, once, in order, by a stream of their own."""
    quiet = settings.model_copy(update={"inbox_stream": "inbox:quiet"})
    quiet.model_fields_set.add("inbox_stream")
    with Redis.from_url(settings.redis_url, protocol=2) as client:
        publish(client, quiet.inbox_stream, entries)
    billie = Billie.of(quiet)
    billie.run("migrate")
    billie.run("ingest", "--drain")
    billie.run("project", "--drain")


def _is_settled(client: Redis, settings: Settings) -> bool:
    if not client.exists(settings.inbox_stream) or not client.xinfo_groups(settings.inbox_stream):
        return False
    return all_read(client, settings) and not pending(client, settings)


ACCOUNT = "ACC-000"
NOTE = {"noteType": "phone_inbound", "subject": "Cannot pay on Friday", "content": "Asked for a week more."}
REPAYMENT, KEY = {"amount": "150.00"}, {"Idempotency-Key": "counter-2026-03-06-1"}


def test_the_event_store_is_restored_to_an_earlier_time_and_reconciled(
    settings: Settings, tmp_path: Path
) -> None:
    entries = sample(7, 30)
    half = len(entries) // 2
    backup, saved = tmp_path / "backup.db", tmp_path / "only-shown.jsonl"
    people = [
        {"typ": "customer.created.v1", "event_id": f"{name}-1", "payload": json.dumps({"customer_id": name})}
        for name in ("CUS-GONE", f"C-{ACCOUNT}")
    ]
    with Redis.from_url(settings.redis_url, protocol=2) as client:
        with whole_system(settings, tmp_path) as billie:
            publish(client, settings.inbox_stream, [*opened([ACCOUNT]), *people, *entries[:half]])
            until(lambda: all_are_open(tmp_path / "ledger.db", [ACCOUNT]), what="the ledger to hear of it")
            until(lambda: _is_settled(client, settings), what="the first half")
            made = json.loads(billie.run("backup", "make", str(backup), "--json"))
            publish(client, settings.inbox_stream, entries[half:])
            with _api(settings, "operations") as ann, _api(settings, "admin") as eve:
                assert _posted(ann, f"/v1/ledger/accounts/{ACCOUNT}/repayments", REPAYMENT, KEY) == 201
                note = {"Idempotency-Key": "note-00000001"}
                assert _posted(ann, f"/v1/customers/C-{ACCOUNT}/notes", NOTE, note) in (201, 202)
                reason = {"reason": "Asked for by letter of 2 March."}
                assert _posted(eve, "/v1/customers/CUS-GONE/erasure", reason, {}) == 201
            until(lambda: _is_settled(client, settings), what="the second half")
            until(lambda: _is_folded(settings), what="all documents")
        newest = newest_position(settings)
        before = all_documents(settings)

        shutil.move(tmp_path / "store", tmp_path / "lost")
        assert "Restored from" in billie.run("backup", "restore", str(backup))
        assert newest_position(settings) == made["newestPosition"] < newest
        refused = billie.end("project", "--drain")
        assert (refused.returncode, "not the store that the documents came from" in refused.stderr) == (
            1,
            True,
        )

        with (tmp_path / "ledger-again.log").open("w") as log:
            ledger = billie.start("ledger-sandbox", "--data", str(tmp_path / "ledger.db"), log=log)
            until(lambda: serves(settings.ledger_target), what="the ledger")
            found = billie.end("reconcile", "--json")
            assert found.returncode == 1, found.stderr
            report = json.loads(found.stdout)
            assert {each["projection"] for each in report["ahead"]} >= {"customers", "loan-accounts"}
            assert {(each["readModel"], each["ledger"]) for each in report["onlyShown"]} >= {
                ("ledger-commands", "posted"),
                ("contact-notes", None),
            }
            assert report["notErased"] == ["CUS-GONE"]
            assert report["stream"]["takenAndLost"] > 50
            nothing_kept = billie.end("reconcile", "--forget-documents")
            assert (nothing_kept.returncode, "--save FILE" in nothing_kept.stderr) == (2, True)
            options = ("--replay", "--save", str(saved), "--forget-documents")
            assert billie.end("reconcile", *options).returncode == 1
            assert "CUS-GONE" in saved.read_text()
            assert KEY["Idempotency-Key"] in saved.read_text()
            billie.run("ingest", "--drain")
            billie.run("project", "--drain")
            assert "Nothing is beyond the store" in billie.run("reconcile")
            ledger.terminate()
            assert ledger.wait(LONG_S) == 0

        after = all_documents(settings)
        for name in FROM_MESSAGES:
            if name not in ("portfolio-daily", "customer-timeline", "customers"):
                assert after[name] == before[name], name
        with whole_system(settings, tmp_path), _api(settings, "operations") as ann:
            with _api(settings, "admin") as eve:
                assert _posted(eve, "/v1/customers/CUS-GONE/erasure", reason, {}) == 201
            # The caller sends it again with its key, within a day: the ledger answers as it did then.
            assert _posted(ann, f"/v1/ledger/accounts/{ACCOUNT}/repayments", REPAYMENT, KEY) == 201
    books = Books(tmp_path / "ledger.db")
    assert books.loan(ACCOUNT).owed == 90_100 - 150
    books.close()


def _api(settings: Settings, role: str) -> httpx.Client:
    token = issue_token(settings, f"{role}-1", role)
    base = f"http://127.0.0.1:{settings.api_port}"
    return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=LONG_S)


def _posted(api: httpx.Client, path: str, body: dict[str, str], headers: dict[str, str]) -> int:
    """Ask until there is an outcome. The status of the answer."""
    answers: list[httpx.Response] = []

    def is_known() -> bool:
        try:
            answers.append(api.post(path, json=body, headers=headers))
        except httpx.TransportError:
            return False
        status = answers[-1].status_code
        return status not in (202, 404, 503) or ("notes" in path and status == 202)

    until(is_known, what=f"an outcome of {path}")
    return answers[-1].status_code


def _is_folded(settings: Settings) -> bool:
    with MongoClient[dict[str, Any]](settings.mongo_url) as client:
        return least_position(client[settings.mongo_db]) >= newest_position(settings)
