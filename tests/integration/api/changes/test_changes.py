"""Which documents change, as server-sent events: reported once they can be read, and none missed."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import AsyncMongoClient
from pymongo.database import Database

from app.aggregates import (
    CommandKind,
    ContactNote,
    Customer,
    Intent,
    LedgerCommand,
    LoanAccount,
    WriteOffRequest,
)
from app.api.changes.service import ChangeFeed
from app.api.http import server
from app.event_store.application import Servicing
from app.operations.servers import Servers
from app.projections.engine.changes import ChangeReader, Changes
from app.projections.migrations import migrate
from app.runtime.servers.embedded import EmbeddedServer, embedded_mongo
from app.runtime.settings.settings import Settings
from tests.support.api.money import client_of
from tests.support.api.serving import serving
from tests.support.data.given import Step, absorb
from tests.support.data.projecting import On
from tests.support.data.random_events import ANN
from tests.support.data.stored import stored_and_projected
from tests.support.roles import project, projecting
from tests.support.waiting import LONG_S, until

CHANGES = "/v1/changes"
SOON = {"changes_heartbeat_seconds": 0.1, "changes_seconds": 60}


@pytest.fixture
def settings(settings: Settings, mongo_db: Database[dict[str, Any]]) -> Settings:
    list(migrate(mongo_db))
    settings = settings.model_copy(update=SOON)
    tell(settings, On(Customer, "C0").report_details(first_name="Ann"))
    project(settings, drain=True)
    return settings


@pytest.fixture
def api(settings: Settings) -> Iterator[httpx.Client]:
    with serving(settings) as url, client_of(url, settings, "readonly") as client:
        yield client


def tell(settings: Settings, *news: Step) -> int:
    """Store news; the newest position."""
    servicing = Servicing.from_url(settings.event_store_url)
    try:
        absorb(servicing, news)
        return servicing.max_position()
    finally:
        servicing.close()


def events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """The fields of each event; a comment's name is ``""``."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name.rstrip(":")] = value
        else:
            yield fields
            fields = {}


class Heard:
    """A stream that is read: its changes, and the id that it goes on after."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._events = events(answer.iter_lines())
        self.bookmark = ""

    def every(self) -> Iterator[dict[str, str]]:
        for each in self._events:
            self.bookmark = each.get("id", self.bookmark)
            yield each

    def changes(self) -> Iterator[dict[str, Any]]:
        for each in self.every():
            if each.get("event") == "change":
                yield json.loads(each["data"])

    def until(self, *wanted: tuple[str, str]) -> list[dict[str, Any]]:
        """The changes until all of these documents were among them."""
        left, changes = set(wanted), []
        for each in self.changes():
            changes.append(each)
            left.discard((each["collection"], each["id"]))
            if not left:
                return changes
        pytest.fail(f"the stream ended before {left}")


@contextmanager
def listening(api: httpx.Client, after: str | None = None, **parameters: Any) -> Iterator[Heard]:
    headers = {} if after is None else {"Last-Event-ID": after}
    with api.stream("GET", CHANGES, params=parameters, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        heard = Heard(answer)
        first = next(heard.every())
        assert (first[""], first["retry"]) == ("listening", "3000")
        yield heard


def test_a_reported_change_can_be_read(api: httpx.Client, settings: Settings) -> None:
    with projecting(settings), listening(api, collection="customers") as heard:
        for number in range(10):
            position = tell(settings, On(Customer, "C1").report_details(first_name=f"N{number}"))
            [change] = heard.until(("customers", "C1"))
            assert change == {
                "collection": "customers",
                "id": "C1",
                "customerId": "C1",
                "position": position,
            }
            assert api.get("/v1/customers/C1").json()["firstName"] == f"N{number}"
        assert heard.answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in heard.answer.headers


def test_every_collection_reports_changes_of_what_its_documents_depend_on(
    api: httpx.Client, settings: Settings
) -> None:
    intent = Intent(CommandKind.FEE_WAIVER, "L1", "k", amount=Decimal(1))
    note = {"author": ANN, "customer_id": "C1", "note_type": "sms", "subject": "s", "content": "c"}
    with listening(api) as heard:
        tell(
            settings,
            On(Customer, "C1").report_details(first_name="Ann", at=0),
            On(LoanAccount, "L1").open(customer_id="C1", status="ACTIVE", current_balance=Decimal(10), at=0),
            On(WriteOffRequest, "W1").request(
                loan_account_id="L1",
                amount=Decimal(10),
                reason="other",
                requested_by="ann",
                customer_id="C1",
                at=0,
            ),
            On(LedgerCommand, "K1").request(actor=ANN, at=0, intent=intent),
            On(ContactNote, "N1").write(priority="low", sentiment="neutral", at=0, **note),
        )
        project(settings, drain=True)
        month, day = "C1:2026-03", "2026-03-01"
        wanted = [
            *(("customers", "C1"), ("loan-accounts", "L1"), ("write-off-requests", "W1")),
            *(("ledger-commands", "K1"), ("contact-notes", "N1"), ("customer-timeline", month)),
            ("portfolio-daily", day),
        ]
        changes = heard.until(*wanted)
        assert Counter((each["collection"], each["id"]) for each in changes) == Counter(wanted)
        whose = {each["collection"]: each.get("customerId") for each in changes}
        assert whose.pop("portfolio-daily") is None
        assert set(whose.values()) == {"C1"}
        # Accounts hold the name of their customer too.
        tell(settings, On(Customer, "C1").report_details(first_name="Bea", at=1))
        project(settings, drain=True)
        more = heard.until(*wanted[:3], ("customer-timeline", month))
        assert {each["collection"] for each in more} == {name for name, _ in (*wanted[:3], wanted[5])}


def test_filters(api: httpx.Client, settings: Settings) -> None:
    with ExitStack() as stack:
        mine = stack.enter_context(listening(api, customerId="C2"))
        accounts = stack.enter_context(listening(api, collection=["loan-accounts", "contact-notes"]))
        for number in (1, 2):
            tell(
                settings,
                On(Customer, f"C{number}").report_details(first_name="Ann"),
                On(LoanAccount, f"L{number}").open(customer_id=f"C{number}", status="ACTIVE"),
            )
        project(settings, drain=True)
        changes = mine.until(("customers", "C2"), ("loan-accounts", "L2"))
        assert {each["customerId"] for each in changes} == {"C2"}
        changes = accounts.until(("loan-accounts", "L1"), ("loan-accounts", "L2"))
        assert {each["collection"] for each in changes} == {"loan-accounts"}


def test_a_document_that_changes_often_is_reported_once_a_batch(
    api: httpx.Client, settings: Settings
) -> None:
    with listening(api, collection="customers") as heard:
        tell(settings, *(On(Customer, "C1").report_details(first_name=f"N{each}") for each in range(50)))
        tell(settings, On(Customer, "C2").report_details(first_name="Bea"))
        project(settings, drain=True)
        changes = heard.until(("customers", "C2"))
        assert [each["id"] for each in changes] == ["C1", "C2"]


def test_two_listeners_of_one_feed_receive_the_same_changes(
    api: httpx.Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read twice for them."""
    read = Counter[int]()
    page = ChangeReader.page

    def counted(self: ChangeReader, after: int, up_to: int) -> Changes:
        read[after] += 1
        return page(self, after, up_to)

    monkeypatch.setattr(ChangeReader, "page", counted)
    with ExitStack() as stack:
        both = [stack.enter_context(listening(api, collection="customers")) for _ in range(2)]
        for number in range(30):
            tell(settings, On(Customer, f"C{number}").report_details(first_name="Ann"))
        project(settings, ["customers"], drain=True)
        wanted = [("customers", f"C{number}") for number in range(30)]
        first, second = ([each["id"] for each in heard.until(*wanted)] for heard in both)
        assert first == second
        assert set(read.values()) == {1}


def test_a_reader_resumes_after_a_lost_connection(api: httpx.Client, settings: Settings) -> None:
    """At any position of its reading."""
    changes: list[str] = []
    with listening(api, collection=["customers", "loan-accounts"]) as heard:
        bookmark = heard.bookmark
    for number in range(30):
        tell(
            settings,
            On(LoanAccount, f"L{number}").open(customer_id=f"C{number % 7}", status="ACTIVE"),
            On(Customer, f"C{number % 7}").report_details(first_name=f"N{number}"),
        )
    project(settings, drain=True)
    wanted = {f"L{number}" for number in range(30)} | {f"C{number}" for number in range(7)}
    for _ in range(200):
        with listening(api, bookmark, collection=["customers", "loan-accounts"]) as heard:
            for each in islice(heard.changes(), 6):
                changes.append(each["id"])
                if wanted <= set(changes):
                    break
            bookmark = heard.bookmark
        if wanted <= set(changes):
            break
    assert set(changes) == wanted
    assert len(changes) < 3 * len(wanted)


def test_old_changes_are_read_from_the_store(
    api: httpx.Client, settings: Settings, mongo_db: Database[dict[str, Any]]
) -> None:
    newest = stored_and_projected(settings, mongo_db, 3_000)
    ids = {
        (name, each["_id"])
        for name in ("customers", "loan-accounts", "portfolio-daily", "customer-timeline")
        for each in mongo_db[name].find({}, {"_id": 1})
    }
    with listening(api, "0", collection=[*{name for name, _ in ids}]) as heard:
        for each in heard.every():
            if "data" in each:
                change = json.loads(each["data"])
                ids.discard((change["collection"], change["id"]))
            elif not ids:
                assert each["id"] == str(newest)
                break


def test_silence_has_heartbeats_that_move_the_bookmark(api: httpx.Client, settings: Settings) -> None:
    with listening(api, customerId="nobody") as heard:
        position = tell(settings, On(Customer, "C1").report_details(first_name="Ann"))
        project(settings, drain=True)
        silent = (each for each in heard.every() if each.get("id") == str(position))
        assert next(silent) == {"": "nothing new", "id": str(position)}


def test_a_stalled_projection_delays_no_other_and_skips_no_event(
    api: httpx.Client, settings: Settings
) -> None:
    both = {"collection": ["customers", "loan-accounts"]}
    with listening(api, **both) as heard:
        position = tell(
            settings,
            On(Customer, "C1").report_details(first_name="Ann"),
            On(LoanAccount, "L1").open(customer_id="C1", status="ACTIVE"),
        )
        project(settings, ["customers"], drain=True)
        assert [each["collection"] for each in heard.until(("customers", "C1"))] == ["customers"]
        silent = (each for each in heard.every() if "event" not in each)
        assert next(each for each in silent if each["id"].startswith(f"{position},loan-accounts:"))
        bookmark = heard.bookmark
    project(settings, drain=True)
    with listening(api, bookmark, **both) as heard:
        assert [each["id"] for each in heard.until(("loan-accounts", "L1"))] == ["L1"]


@pytest.mark.parametrize("bookmark", ["x", "", "1,nothing:1", "-1", "1.5", "1,customers", "9" * 30, "99999"])
def test_an_unknown_last_event_id_is_refused(bookmark: str, api: httpx.Client) -> None:
    answer = api.get(CHANGES, headers={"Last-Event-ID": bookmark})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_event")


def test_an_invalid_request_is_a_problem_before_the_stream(api: httpx.Client) -> None:
    answer = api.get(CHANGES, params={"collection": "_loan-accounts.customers"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_collection")
    assert "customer-timeline" in answer.json()["detail"]
    assert api.get(CHANGES, headers={"Authorization": ""}).status_code == 401
    assert api.get(CHANGES, params={"since": "1"}).json()["code"] == "unknown_parameter"


def test_resuming_needs_the_event_store(settings: Settings, tmp_path: Path) -> None:
    away = settings.model_copy(update={"event_store_url": f"sqlite:///{tmp_path / 'none.db'}"})
    with serving(away) as url, client_of(url, away) as api:
        answer = api.get(CHANGES, headers={"Last-Event-ID": "1"})
        assert (answer.status_code, answer.json()["code"]) == (503, "event_store_unavailable")


def test_there_is_a_limit_of_listeners(settings: Settings) -> None:
    few = settings.model_copy(update={"changes_listeners": 2})
    with serving(few) as url, client_of(url, few) as api:
        with listening(api), listening(api):
            answer = api.get(CHANGES)
            assert (answer.status_code, answer.json()["code"]) == (503, "too_many_listeners")
            assert answer.headers["retry-after"]
        until(lambda: _may_listen(api), what="room")


def test_the_limit_of_listeners_holds_for_concurrent_requests(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them ask for the positions before any of them listens."""
    came, answered, positions = list[int](), list[int](), ChangeFeed.positions

    async def together(self: ChangeFeed) -> dict[str, int]:
        came.append(200)
        while len(came) < 12:
            await asyncio.sleep(0.01)
        return await positions(self)

    few = settings.model_copy(update={"changes_listeners": 2})
    with serving(few) as url, client_of(url, few) as api, ThreadPoolExecutor(12) as threads:
        monkeypatch.setattr(ChangeFeed, "positions", together)

        def listen(_: int) -> int:
            with api.stream("GET", CHANGES) as answer:
                if answer.status_code == 503:
                    came.append(503)
                answered.append(answer.status_code)
                until(lambda: len(answered) >= 12, what="the others' answers: nobody makes room before")
                return answer.status_code

        assert Counter(threads.map(listen, range(12))) == {200: 2, 503: 10}
        monkeypatch.setattr(ChangeFeed, "positions", positions)
        assert api.get(CHANGES, headers={"Last-Event-ID": "nonsense"}).status_code == 400
        until(lambda: _may_listen(api), what="room")


def _may_listen(api: httpx.Client) -> bool:
    with api.stream("GET", CHANGES) as answer:
        return answer.status_code == 200


def test_a_stream_ends_in_time_and_with_the_server(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_GRACE_S", LONG_S)
    brief = settings.model_copy(update={"changes_seconds": 0.5})
    with serving(brief) as url, client_of(url, brief) as api, listening(api) as heard:
        assert list(heard.changes()) == []
    with ExitStack() as stopped:
        url = stopped.enter_context(serving(settings))
        with client_of(url, settings) as api, listening(api) as heard:
            began = time.monotonic()
            stopped.close()
            assert list(heard.changes()) == []
            assert time.monotonic() - began < LONG_S, "after which it would be cut off"


def test_a_slow_reader_catches_up_from_the_event_store(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes from the event store, and nothing is missed."""
    monkeypatch.setattr("app.api.changes.service._KEPT_PAGES", 1)
    names = [f"C{number}" for number in range(100, 300)]

    async def slowly() -> list[str]:
        servers = Servers(settings)
        async with AsyncMongoClient[dict[str, Any]](settings.mongo_url, tz_aware=True) as client:
            feed = ChangeFeed(servers, client[settings.mongo_db])
            positions = await feed.positions()
            bookmark = {"customers": positions["customers"]}
            with feed.admitted():
                changes = feed.after(bookmark, ["customers"], positions)
                for each in (*names, "last"):
                    await asyncio.to_thread(tell, settings, On(Customer, each).report_details(first_name="A"))
                    if each == names[0]:
                        await asyncio.to_thread(project, settings, ["customers"], drain=True)
                        heard = [(await anext(changes))[1].id]
                await asyncio.to_thread(project, settings, ["customers"], drain=True)
                # Another hears the last: so all of it was reported meanwhile.
                other = {"customers": (await feed.positions())["customers"] - 1}
                async with aclosing(feed.after(other, ["customers"], positions)) as quick:
                    assert (await anext(quick))[1].id == "last"
                while heard[-1] != "last":
                    heard.append((await anext(changes))[1].id)
                await changes.aclose()
        servers.close()
        return heard

    assert asyncio.run(slowly()) == [*names, "last"]


@pytest.fixture
def mongo(tmp_path: Path) -> Iterator[EmbeddedServer]:
    server = embedded_mongo(tmp_path / "mongo")
    yield server
    server.stop()


def test_listeners_survive_an_unavailable_database(settings: Settings, mongo: EmbeddedServer) -> None:
    own = settings.model_copy(update={"mongo_url": mongo.url})
    project(own, drain=True)
    with serving(own) as url, client_of(url, own) as api, listening(api, collection="customers") as heard:
        mongo.kill()
        next(each for each in heard.every() if each.get("") == "the database is away")
        answer = api.get(CHANGES)
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        tell(own, On(Customer, "C1").report_details(first_name="Ann"))
        mongo.start()
        project(own, drain=True)
        assert [each["id"] for each in heard.until(("customers", "C1"))] == ["C1"]
