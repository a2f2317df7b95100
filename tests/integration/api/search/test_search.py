"""Search, over HTTP and on a real server: each kind by each thing, best first, and never too much work."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from bson import Decimal128
from pymongo import AsyncMongoClient, monitoring
from pymongo.database import Database

from app.aggregates import Conversation, Customer, LoanAccount
from app.api.auth.development_tokens import issue_token
from app.api.search.query import SearchQuery
from app.api.search.routes import MAX_READ_BY_WORD, find
from app.event_store.application import Servicing
from app.projections.engine.positions import COLLECTION
from app.projections.migrations import migrate
from app.projections.read_models.catalogue import all_projections
from app.projections.read_models.search_keys import set_search_keys
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.data.given import absorb
from tests.support.data.projecting import On
from tests.support.roles import project

AT = datetime(2026, 3, 1, tzinfo=UTC)
STAMPS = {"createdAt": AT, "updatedAt": AT, "_position": 1}
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def client(settings: Settings) -> Iterator[httpx.Client]:
    token = issue_token(settings, "ann", "readonly")
    with (
        serving(settings) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=20) as client,
    ):
        yield client


@pytest.fixture
def ask(client: httpx.Client) -> Ask:
    def asked(text: str, **parameters: Any) -> dict[str, Any]:
        answer = client.get("/v1/search", params={"q": text, **parameters})
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    return asked


@pytest.fixture
def store(mongo_db: Database[dict[str, Any]]) -> Callable[..., None]:
    """Puts documents in place, with their keys, as the projections do."""
    list(migrate(mongo_db))

    def stored(collection: str, *documents: dict[str, Any]) -> None:
        documents = tuple(dict(STAMPS, **each) for each in documents)
        for each in documents:
            set_search_keys(collection, each)
        mongo_db[collection].insert_many(documents)

    return stored


@pytest.fixture
def people(store: Callable[..., None]) -> None:
    zoe = {
        "firstName": "Zoë Mary",
        "lastName": "O'Brien",
        "fullName": "Zoë Mary O'Brien",
        "preferredName": "Kit",
        "emailAddress": "zoe.b@mail.test",
        "mobilePhoneNumber": "+61 412 345 678",
        "dateOfBirth": "1990-02-03",
        "ekycStatus": "successful",
        "flags": {"vulnerable": True},
        "residentialAddress": {"suburb": "Bondi", "state": "NSW"},
    }
    bob = {"firstName": "Bob", "lastName": "Zoeller", "fullName": "Bob Zoeller"}
    store("customers", {"_id": "CUS-900001", **zoe}, {"_id": "CUS-900002", **bob})
    account = {
        "customerId": "CUS-900001",
        "customerName": "Zoë Mary O'Brien",
        "accountNumber": "LN-2026-0007",
        "accountStatus": "active",
        "balances": {"totalOutstanding": Decimal128("620.00")},
        "loanTerms": {"openedDate": "2026-03-01"},
    }
    store("loan-accounts", {"_id": "ACC-500001", **account})
    chat = {"customerId": "CUS-900001", "status": "active", "applicationNumber": "APP-31415"}
    said = [{"username": "customer", "utterance": "my rent is due"}]
    store("conversations", {"_id": "V1", "utterances": said, **chat})


def ids(found: dict[str, Any]) -> list[str]:
    return [each["id"] for each in found["items"]]


FOUND = {
    "zoe mary o'brien": ("CUS-900001", "fullName", False),
    "ZOË OBRIEN": ("CUS-900001", "fullName", False),
    "obrien": ("CUS-900001", "fullName", False),
    "obr ma": ("CUS-900001", "fullName", False),
    "kit o’br": ("CUS-900001", "preferredName", False),
    "ZOE.B@mail.test": ("CUS-900001", "emailAddress", True),
    "zoe.b": ("CUS-900001", "emailAddress", False),
    "0412 345 678": ("CUS-900001", "mobilePhoneNumber", True),
    "+61 (0)412-345-678": ("CUS-900001", "mobilePhoneNumber", True),
    "61412345678": ("CUS-900001", "mobilePhoneNumber", True),
    "041234": ("CUS-900001", "mobilePhoneNumber", False),
    "0412 zoe": ("CUS-900001", "fullName", False),
    "cus-900001": ("CUS-900001", "customerId", True),
    "900001": ("CUS-900001", "customerId", False),
    "ln 2026 0007": ("ACC-500001", "accountNumber", True),
    "LN2026": ("ACC-500001", "accountNumber", False),
    "0007": ("ACC-500001", "accountNumber", False),
    "acc-500001": ("ACC-500001", "loanAccountId", True),
    "app31415": ("V1", "applicationNumber", True),
    "31415": ("V1", "applicationNumber", False),
}
"""What is asked, whom it finds, by which field, and whether it is just that."""


@pytest.mark.usefixtures("people")
def test_every_document_is_found_by_each_of_its_keys(ask: Ask) -> None:
    for text, expected in FOUND.items():
        found = ask(text)
        assert [(each["id"], each["matched"], each["exact"]) for each in found["items"]] == [expected], text
        assert found["more"] is False, text
    for text in ("brien", "zoe rob", "0412 345 679", "zoe.b@nail", "cus", "zo.*n", "V10"):
        assert ask(text) == {"items": [], "more": False}, text


def test_a_report_is_found_once_it_is_projected(
    settings: Settings, mongo_db: Database[dict[str, Any]], ask: Ask
) -> None:
    list(migrate(mongo_db))
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        absorb(
            servicing,
            [
                On(Customer, "C-101").report_details(first_name="Ann", last_name="Lee"),
                On(LoanAccount, "L-101").open(customer_id="C-101", account_number="LN-7"),
                On(Conversation, "V-101").start(customer_id="C-101", application_number="APP-101"),
            ],
        )
    project(settings, drain=True)
    assert ids(ask("ann lee")) == ["C-101"]
    assert ids(ask("101")) == ["C-101", "L-101", "V-101"]
    for name in ("customers", "loan-accounts", "conversations"):
        assert mongo_db[COLLECTION].find_one({"_id": name}, {"_id": 0, "version": 1}) == {
            "version": all_projections(settings)[name].version
        }
        assert not any(name.startswith("_") for name in ask("101")["items"][0])


@pytest.mark.usefixtures("people")
def test_a_hit_has_distinguishing_fields_and_no_internal_ones(ask: Ask) -> None:
    assert ask("obrien")["items"] == [
        {
            "kind": "customer",
            "id": "CUS-900001",
            "customerId": "CUS-900001",
            "title": "Zoë Mary O'Brien",
            "matched": "fullName",
            "exact": False,
            "preferredName": "Kit",
            "dateOfBirth": "1990-02-03",
            "emailAddress": "zoe.b@mail.test",
            "mobilePhoneNumber": "+61 412 345 678",
            "suburb": "Bondi",
            "state": "NSW",
            "ekycStatus": "successful",
            "flags": {"vulnerable": True},
        }
    ]
    assert ask("acc-500001")["items"] == [
        {
            "kind": "loanAccount",
            "id": "ACC-500001",
            "customerId": "CUS-900001",
            "customerName": "Zoë Mary O'Brien",
            "title": "LN-2026-0007",
            "matched": "loanAccountId",
            "exact": True,
            "accountNumber": "LN-2026-0007",
            "accountStatus": "active",
            "totalOutstanding": "620.00",
            "openedDate": "2026-03-01",
        }
    ]
    assert ask("app31415")["items"] == [
        {
            "kind": "conversation",
            "id": "V1",
            "customerId": "CUS-900001",
            "title": "APP-31415",
            "matched": "applicationNumber",
            "exact": True,
            "applicationNumber": "APP-31415",
            "status": "active",
        }
    ]


@pytest.mark.usefixtures("people")
def test_whole_words_rank_before_prefixes(ask: Ask) -> None:
    assert ids(ask("zoe")) == ["CUS-900001", "CUS-900002"]


def test_an_exact_match_ranks_first_among_many(store: Callable[..., None], ask: Ask) -> None:
    store("loan-accounts", *({"_id": f"ACC-{number}"} for number in range(1_500)))
    for identifier in ("ACC-1", "ACC-29", "ACC-1499"):
        found = ask(identifier)
        assert ids(found)[0] == identifier
        assert found["items"][0]["exact"]
    many = ask("ACC-1")
    assert len(many["items"]) == 20
    assert many["more"]
    assert not any(each["exact"] for each in many["items"][1:])
    assert len(ask("ACC-1", limit=3)["items"]) == 3


class Read(monitoring.CommandListener):
    """Counts the documents that a client is sent."""

    def __init__(self) -> None:
        self.documents = 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        assert "$regex" not in str(event.command)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self.documents += len(event.reply.get("cursor", {}).get("firstBatch", ()))

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        raise AssertionError(event)


def test_a_common_name_reads_a_bounded_number_of_documents(
    settings: Settings, store: Callable[..., None], ask: Ask
) -> None:
    shared = {"firstName": "Ann", "lastName": "Lee", "mobilePhoneNumber": "0400 000 000"}
    store("customers", *({"_id": f"C{number}", **shared} for number in range(2_000)))

    async def read(text: str) -> int:
        query, read = SearchQuery.of(text), Read()
        assert query is not None
        async with AsyncMongoClient[dict[str, Any]](settings.mongo_url, event_listeners=[read]) as client:
            await find(client[settings.mongo_db]["customers"], query, 20)
        return read.documents

    for text in ("ann", "ann lee", "le an", "an le", "ann x", "0400000000", "0400"):
        assert asyncio.run(read(text)) <= 2 * MAX_READ_BY_WORD, text
    for text in ("ann", "ann lee", "le an", "0400000000", "0400"):
        found = ask(text)
        assert len(found["items"]) == 20, text
        assert found["more"], text
    assert ask("ann x")["items"] == []


def test_bare_marks_are_left_out_and_stale_documents_are_found(
    store: Callable[..., None], ask: Ask, mongo_db: Database[dict[str, Any]]
) -> None:
    fault = {"cause": "evolve_failed", "position": 7, "event": "E", "error": "KeyError"}
    store(
        "customers",
        {"_id": "CUS-1001", "_faulted": fault | {"empty": True}},
        {"_id": "CUS-1002", "fullName": "Ann Lee", "_faulted": fault | {"empty": False}},
    )
    assert ids(ask("CUS-1001")) == []
    assert ids(ask("CUS-100")) == ["CUS-1002"]


def test_a_document_that_has_no_keys_yet_is_found_by_its_id(
    ask: Ask, mongo_db: Database[dict[str, Any]]
) -> None:
    mongo_db["customers"].insert_one({"_id": "CUS-7", "fullName": "Ann Lee"} | STAMPS)
    (hit,) = ask("CUS-7")["items"]
    assert (hit["title"], hit["matched"], hit["exact"]) == ("Ann Lee", "customerId", True)


@pytest.mark.usefixtures("people")
def test_too_little_and_too_much_are_refused(client: httpx.Client) -> None:
    no_letters = ("%00%00%00%00", "%ED%A0%80%ED%A0%80%ED%A0%80", "%FF%FE%FD", "...", "%F0%9F%98%80" * 3)
    for text in ("b", " - a - 1 - ", *no_letters, "x" * 101):
        answer = client.get(f"/v1/search?q={text}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), text


WILD = (
    *(".*.*zoe", "^zoe", "zo[e]", "$gt", "$where: 1", '{"$ne": null}', "zoe\0b", "zoe\ud7ff"),
    *("\U0010ffff" * 9, "İİİİ", "ﷺ" * 30, "\u202ezoe\u202c", "a\u0301" * 50, "'; DROP TABLE"),
    *("zoe " * 25, "+++000", "٠٤١٢", "%" * 50 + "zoe"),
)


@pytest.mark.usefixtures("people")
def test_no_query_is_a_server_error_or_a_pattern(client: httpx.Client, ask: Ask) -> None:
    for text in WILD:
        answer = client.get(f"/v1/search?q={quote(text, safe='')}")
        assert answer.status_code in (200, 422), (text, answer.text)
    assert ids(ask("^zoe$")) == ids(ask("zoe")), "punctuation does not matter"


def test_parameters_that_are_not_known_or_out_of_bounds_are_refused(client: httpx.Client) -> None:
    assert client.get("/v1/search?q=zoe&kind=customer").json()["code"] == "unknown_parameter"
    assert client.get("/v1/search?q=zoe&q=bob").json()["code"] == "repeated_parameter"
    assert client.get("/v1/search?q[$ne]=zoe").json()["code"] == "unknown_parameter"
    for parameters in ("", "?q=zoe&limit=21", "?q=zoe&limit=0"):
        assert client.get(f"/v1/search{parameters}").status_code == 422
    assert client.get("/v1/search?q=zoe", headers={"Authorization": ""}).status_code == 401
