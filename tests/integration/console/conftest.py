"""The console in front of real servers and a sandbox ledger, shared by a file's tests."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo import MongoClient

from app.aggregates import Actor, ContactNote, Conversation, Customer, LoanAccount
from app.aggregates.contact_note import facts_of
from app.event_store.application import Servicing
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.faults import Faults
from app.projections.migrations import migrate
from app.runtime.servers.embedded import EmbeddedServer
from app.runtime.settings.settings import Settings
from tests.support.api.console import Visitor, console
from tests.support.data.given import absorb
from tests.support.data.projecting import On
from tests.support.roles import project
from tests.support.servers.sandbox import open_loan, serving

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(document.cookie)</script>'
ANN = Actor("ann", "Ann <i>Lee</i>", "operations")


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture
def no_faults(faults: Faults) -> Iterator[None]:
    """The sandbox has no faults unless a test adds one."""
    faults.clear()
    yield
    faults.clear()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory, faults: Faults) -> Iterator[str]:
    """A sandbox ledger, with a loan for each account."""
    books = Books(tmp_path_factory.mktemp("ledger") / "books.db")
    for account in ("L1", "L2", "L3", "L4"):
        open_loan(books, account)
    with serving(books, faults) as target:
        yield target
    books.close()


@pytest.fixture(scope="module")
def settings(
    redis_server: EmbeddedServer,
    mongo_url: str,
    ledger: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Settings]:
    name = f"console-{request.module.__name__.rpartition('.')[2]}"
    settings = Settings(
        redis_url=redis_server.url,
        mongo_url=mongo_url,
        mongo_db=name,
        event_store_url=f"sqlite:///{tmp_path_factory.mktemp('console') / 'events.db'}",
        ledger_target=ledger,
        jwt_secret=SecretStr("a secret for tests, of more than 32 bytes"),
        console="development",
        session_secret=SecretStr("another secret for tests, of more than 32 bytes"),
        rate_per_second=0,
    )
    with MongoClient[dict[str, Any]](mongo_url) as client:
        list(migrate(client[name]))
        _store(settings)
        project(settings, drain=True)
        yield settings
        client.drop_database(name)


@pytest.fixture(scope="module")
def url(settings: Settings) -> Iterator[str]:
    with console(settings) as url:
        yield url


@pytest.fixture
def ann(url: str) -> Iterator[Visitor]:
    """A person with the role operations."""
    with Visitor(url) as visitor:
        visitor.sign_in()
        yield visitor


@pytest.fixture
def sue(url: str) -> Iterator[Visitor]:
    """A supervisor."""
    with Visitor(url) as visitor:
        visitor.sign_in("Sue Ray", "supervisor")
        yield visitor


def _store(settings: Settings) -> None:
    """One customer, vulnerable, with a hostile name, note and chat; another with a loan of their own."""
    mary, cyd = On(Customer, "C1"), On(Customer, "C2")
    named = {"first_name": "Mary", "last_name": f"O'Brien {HOSTILE}"}
    note = {
        "note_type": "complaint",
        "subject": HOSTILE,
        "content": f"line one\n{HOSTILE}",
        "priority": "urgent",
        "sentiment": "negative",
    }
    loan = {"status": "ACTIVE", "account_number": "BL000001"}
    servicing = Servicing.from_url(settings.event_store_url)
    absorb(
        servicing,
        [
            mary.report_details(**named, vulnerable=True, date_of_birth="1980-02-29"),
            cyd.report_details(first_name="Cyd", last_name="Poe"),
            On(LoanAccount, "L1").open(customer_id="C1", **loan),
            On(LoanAccount, "L2").open(customer_id="C2", status="ACTIVE"),
            *(On(LoanAccount, each).open(customer_id="C2", status="ACTIVE") for each in ("L3", "L4")),
            On(ContactNote, "N1").write(author=ANN, **facts_of("C1", note)),
            On(Conversation, "V1").change_application(customer_id="C1", application_data={"job": HOSTILE}),
        ],
    )
    servicing.close()
