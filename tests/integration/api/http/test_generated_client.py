"""A client generated from the committed OpenAPI document works against the API."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pymongo.database import Database

from app.api.auth.development_tokens import issue_token
from app.ledger.sandbox.books import Books
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.commands import ROOT
from tests.support.data.stored import store_backlog
from tests.support.roles import project
from tests.support.servers import sandbox

NAME = "generated_billie_client"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of the package; it can be imported."""
    folder = tmp_path_factory.mktemp("client")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
            *("--path", str(ROOT / "docs" / "openapi.json"), "--output-path", str(folder / NAME)),
        ],
        capture_output=True,
        text=True,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Warning" not in done.stdout + done.stderr, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield NAME
    sys.path.remove(str(folder))


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    with closing(Books(tmp_path / "ledger.db")) as books:
        sandbox.open_loan(books, "L1")
        yield books


@pytest.fixture
def client(
    settings: Settings, mongo_db: Database[dict[str, Any]], generated: str, books: Books
) -> Iterator[Any]:
    list(migrate(mongo_db))
    store_backlog(settings, 200)
    project(settings, drain=True)
    made: Any = importlib.import_module(f"{generated}.client")
    with (
        sandbox.serving(books) as target,
        serving(settings.model_copy(update={"ledger_target": target})) as url,
    ):
        token = issue_token(settings, "olu", "operations")
        with made.AuthenticatedClient(base_url=url, token=token, timeout=20) as client:
            yield client


def of(generated: str, path: str) -> ModuleType:
    return importlib.import_module(f"{generated}.{path}")


def test_the_generated_client_reads_pages_and_documents(generated: str, client: Any) -> None:
    listing: Any = of(generated, "api.customers.list_customers")
    page = listing.sync(client=client, limit=3)
    assert len(page.items) == 3
    assert page.next_
    first = page.items[0]
    found = of(generated, "api.customers.get_customer").sync(first.customer_id, client=client)
    assert found == first


def test_a_problem_is_an_object_of_its_own(generated: str, client: Any) -> None:
    answer = of(generated, "api.customers.get_customer").sync_detailed("C-nobody", client=client)
    assert answer.status_code == 404
    assert isinstance(answer.parsed, of(generated, "models").Problem)
    assert (answer.parsed.code, answer.parsed.retryable) == ("not_found", False)


def test_the_generated_client_moves_money_once(generated: str, client: Any, books: Books) -> None:
    body = of(generated, "models").RepaymentBody(amount="20.00")
    for _ in range(2):
        command = of(generated, "api.money.record_repayment").sync(
            "L1", client=client, body=body, idempotency_key="generated-0001"
        )
        assert (command.status.value, command.amount) == ("posted", "20.00")
    balance = of(generated, "api.ledger.get_ledger_balance").sync("L1", client=client)
    assert balance.total_outstanding == "580.00"
