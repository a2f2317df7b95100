"""What OpenAPI says of the money routes is what they do."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api.application import create_app
from tests.support.api.ledger_api import ledger_settings
from tests.support.api.money import REPAYMENT, REPAYMENTS, WRITE_OFF

ACCOUNT = "/v1/ledger/accounts/{loanAccountId}"
KEYED = [
    f"{ACCOUNT}/repayments",
    f"{ACCOUNT}/fees",
    f"{ACCOUNT}/fee-waivers",
    f"{ACCOUNT}/adjustments",
    "/v1/write-off-requests",
]

ANY_MOVEMENT = {"201", "202", "400", "401", "403", "404", "409", "422", "502", "503"}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory: Path = tmp_path_factory.mktemp("openapi")
    return create_app(ledger_settings("127.0.0.1:1", directory)).openapi()["paths"]


@pytest.mark.parametrize("path", KEYED)
def test_the_key_is_required(paths: Any, path: str) -> None:
    route = paths[path]["post"]
    [key] = [each for each in route["parameters"] if each["name"] == "Idempotency-Key"]
    assert (key["in"], key["required"]) == ("header", True)
    assert (key["schema"]["minLength"], key["schema"]["maxLength"]) == (8, 128)
    assert "Idempotency-Key" in route["responses"]["400"]["description"]


@pytest.mark.parametrize("path", KEYED[:-1])
def test_a_movement_documents_its_answers(paths: Any, path: str) -> None:
    assert paths[path]["post"]["responses"].keys() >= ANY_MOVEMENT


@pytest.mark.parametrize(
    ("path", "model", "more"),
    [
        ("/v1/ledger-commands/{commandId}/approve", "LedgerCommand", ()),
        ("/v1/write-off-requests/{requestId}/approve", "Approved", ("429", "504")),
    ],
)
def test_an_approval_documents_its_answers(paths: Any, path: str, model: str, more: tuple[str, ...]) -> None:
    answers = paths[path]["post"]["responses"]
    assert answers.keys() >= {*ANY_MOVEMENT, *more}
    schema = answers["202"]["content"]["application/json"]["schema"]
    assert schema["$ref"].endswith(f"/{model}")


def test_the_filters_of_the_list_are_described(paths: Any) -> None:
    described = {
        each["name"]: each.get("description") for each in paths["/v1/ledger-commands"]["get"]["parameters"]
    }
    assert [name for name in ("actor", "approval", "from", "to") if not described[name]] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [(REPAYMENTS, REPAYMENT), (REPAYMENTS, {"amount": 1}), ("/v1/write-off-requests", WRITE_OFF)],
)
def test_a_missing_key_is_reported_first(client: httpx.Client, path: str, body: dict[str, Any]) -> None:
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")
    assert "8 to 128 visible ASCII characters" in answer.json()["detail"]
