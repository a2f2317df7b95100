"""Requests that the OpenAPI document allows, and many that it does not: the API answers as documented.

Requests are generated from the committed document and sent to the whole system: each operation's examples,
the edges of each parameter, random ones, and chains of operations. No answer may be a 500, of an undocumented
status or shape; what breaks the schema is refused, and what keeps it is taken.
"""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.api.auth.development_tokens import issue_token
from app.runtime.settings.settings import Settings
from tests.support.commands import ROOT
from tests.support.waiting import until
from tests.support.whole_system import on_free_ports, whole_system

LEFT_OUT = ("streamLedgerTransactions", "streamChanges", "replayDeadLetters")
"""Answers that end with the connection; and an address that GET takes too, for a dead letter of that id."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return on_free_ports(settings)


def test_the_api_matches_its_openapi_document(
    settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"http://127.0.0.1:{settings.api_port}"
    headers = {"Authorization": f"Bearer {issue_token(settings, 'ann', 'admin')}"}

    def is_there(path: str) -> bool:
        try:
            return httpx.get(url + path, headers=headers).is_success
        except httpx.TransportError:
            return False

    with whole_system(settings, tmp_path) as billie:
        billie.run("publish", "samples/lender-day.jsonl")
        until(lambda: is_there("/v1/loan-accounts/ACC-900001"), what="the sample's first account")
        until(lambda: is_there("/v1/ledger/accounts/ACC-900001/balance"), what="it in the ledger")
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--no-color"),
                *("--config-file", str(Path(__file__).parent / "schemathesis.toml")),
                *("run", str(ROOT / "docs" / "openapi.json"), "--url", url),
                *(part for name, value in headers.items() for part in ("--header", f"{name}: {value}")),
                *(part for name in LEFT_OUT for part in ("--exclude-operation-id", name)),
                *("--checks", "all", "--request-timeout", "30", "--continue-on-failure", "--no-shrink"),
                *("--seed", str(request.config.getoption("--seed"))),
                *("--max-examples", str(request.config.getoption("--api-examples"))),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    if ended.returncode != 0:
        pytest.fail(ended.stdout + ended.stderr)
