"""An installed package takes over the parsing of a type prefix: the example adapter, installed by pip."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from pymongo.database import Database
from redis import Redis

from app.runtime.settings.settings import Settings
from tests.support.commands import ROOT, Billie
from tests.support.observed import dead_letters
from tests.support.waiting import LONG_S

EXAMPLE = ROOT / "examples" / "account_sdk_adapter"
BOOKED = {
    "loanRef": "L1",
    "borrowerRef": "C1",
    "state": "RUNNING",
    "principalCents": 50_050,
    "bookedOn": "2026-03-01",
}


def entry(kind: str, identity: str, body: dict[str, Any]) -> str:
    payload = orjson.dumps(body).decode()
    return orjson.dumps({"typ": kind, "event_id": identity, "payload": payload}).decode() + "\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the example adapter is installed in."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--target", str(target), str(EXAMPLE)],
        check=True,
        capture_output=True,
        timeout=5 * LONG_S,
    )
    return target


def with_packages(billie: Billie, *folders: Path) -> Billie:
    """The same commands, with more packages installed."""
    path = os.pathsep.join(map(str, folders))
    return replace(billie, environment={**billie.environment, "PYTHONPATH": path})


def test_the_adapter_reads_the_messages_of_a_private_sdk(
    billie: Billie,
    settings: Settings,
    redis_client: Redis,
    mongo_db: Database[dict[str, Any]],
    installed: Path,
) -> None:
    adapted = with_packages(billie, installed)
    adapted.run("migrate")
    lines = [
        entry("customer.created.v1", "e1", {"customer_id": "C1", "first_name": "Ann"}),
        entry("account.created.v1", "e2", BOOKED),
        entry("account.updated.v1", "e3", {"loanRef": "L1", "owedCents": 20_000}),
        entry("account.updated.v1", "e4", {"account_id": "L1", "current_balance": "1.00"}),
    ]
    adapted.run("publish", "-", stdin="".join(lines))
    assert "4 entries taken" in adapted.run("ingest", "--drain")
    adapted.run("project", "--drain")
    [account] = mongo_db["loan-accounts"].find()
    shown = {name: str(account[name]) for name in ("_id", "customerName", "accountStatus")}
    assert shown == {"_id": "L1", "customerName": "Ann", "accountStatus": "active"}
    assert str(account["loanTerms"]["loanAmount"]) == "500.50"
    assert str(account["balances"]["currentBalance"]) == "200.00"
    [dead_letter] = dead_letters(redis_client, settings)
    assert (dead_letter["reason"], dead_letter["path"]) == ("invalid_value", "payload")
    assert dead_letter["error"] == "refused by the parser of account-sdk-adapter 1.0.0"


def test_a_dead_letter_is_replayed_through_the_parser(
    billie: Billie, settings: Settings, redis_client: Redis, installed: Path
) -> None:
    billie.run("publish", "-", stdin=entry("account.created.v1", "e2", BOOKED))
    billie.run("ingest", "--drain")
    [dead_letter] = dead_letters(redis_client, settings)
    assert dead_letter["reason"] == "missing_key"
    assert "1 landed, 0 failed" in with_packages(billie, installed).run("dead-letters", "replay", "--all")
    assert dead_letters(redis_client, settings) == []


def test_two_adapters_of_one_prefix_stop_ingest_and_replay(
    billie: Billie, installed: Path, tmp_path: Path
) -> None:
    rival = tmp_path / "rival_adapter-2.0.dist-info"
    rival.mkdir()
    (rival / "METADATA").write_text("Metadata-Version: 2.1\nName: rival-adapter\nVersion: 2.0\n")
    (rival / "entry_points.txt").write_text("[billie.message_parsers]\naccount. = rival:parse\n")
    both = with_packages(billie, installed, tmp_path)
    for arguments in (("ingest", "--drain"), ("dead-letters", "replay", "--all")):
        process = both.start(*arguments)
        _, errors = process.communicate(timeout=2 * LONG_S)
        assert process.returncode == 2
        assert "account-sdk-adapter 1.0.0 and rival-adapter 2.0" in errors
        assert "Traceback" not in errors
    assert "0 dead letters" in both.run("dead-letters", "list")
