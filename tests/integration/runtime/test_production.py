"""``BILLIE_ENV=production``, by the processes themselves: they say what is wrong, and end with 2."""

from pathlib import Path

import pytest

from app.ledger.client.health import is_sandbox
from app.ledger.sandbox.books import Books
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.servers.sandbox import serving
from tests.support.servers.scripted_ledger import scripted_ledger

PLAIN = {
    "BILLIE_ENV": "production",
    "BILLIE_REDIS_URL": "redis://:secret-pass@redis.example:6379/0",
    "BILLIE_MONGO_URL": "mongodb://u:secret-pass@mongo.example/",
    "BILLIE_EVENT_STORE_URL": "postgresql://u:secret-pass@db.example/events",
    "BILLIE_LEDGER_TARGET": "ledger.example:50051",
    "BILLIE_JWT_SECRET": "a secret-pass for tests, of more than 32 bytes",
}
SAFE = {
    "BILLIE_ENV": "production",
    "BILLIE_REDIS_URL": "redis://127.0.0.1:1",
    "BILLIE_MONGO_URL": "mongodb://127.0.0.1:1",
    "BILLIE_JWKS_URL": "https://issuer.test/keys",
    "BILLIE_JWT_ISSUER": "https://issuer.test",
    "BILLIE_JWT_AUDIENCE": "billie",
}


@pytest.mark.parametrize("command", [["api"], ["ingest"], ["project"], ["migrate"]])
def test_each_role_names_all_settings_that_it_refuses(command: list[str]) -> None:
    done = Billie(PLAIN).end(*command)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    named = ["REDIS_URL", "MONGO_URL", "EVENT_STORE_URL", "LEDGER_TLS", "JWT_SECRET"]
    for setting in named + (["JWKS_URL"] if command == ["api"] else []):
        assert f"  - BILLIE_{setting}: " in done.stderr
    assert "secret-pass" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", [["ledger-sandbox"], ["demo", "--data", "x"], ["token", "--user", "ann", "--role", "admin"]]
)
def test_development_settings_do_not_start_in_production(command: list[str], tmp_path: Path) -> None:
    done = Billie(SAFE).end(*(str(tmp_path / each) if each == "x" else each for each in command))
    assert (done.returncode, done.stdout) == (2, "")
    assert "  - BILLIE_ENV: production has no `billie " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_api_does_not_start_with_a_sandbox_ledger(tmp_path: Path) -> None:
    books = Books(tmp_path / "books.db")
    with serving(books) as target:
        done = Billie(SAFE).end("api", BILLIE_LEDGER_TARGET=target, BILLIE_API_PORT="0")
    books.close()
    assert done.returncode == 2
    assert f"BILLIE_LEDGER_TARGET, {target}, is a sandbox ledger" in done.stderr


def test_a_sandbox_a_ledger_and_no_ledger_are_distinguished(tmp_path: Path) -> None:
    books = Books(tmp_path / "books.db")
    with serving(books) as target:
        assert is_sandbox(Settings(ledger_target=target))
    books.close()
    assert not is_sandbox(Settings(ledger_target=target))
    with scripted_ledger({}) as ledger:
        assert not is_sandbox(Settings(ledger_target=ledger.target))


def test_safe_settings_get_as_far_as_the_servers(tmp_path: Path) -> None:
    """3, and not 2: the settings are fine, and no server is there."""
    done = Billie(SAFE).end("ingest", "--drain", BILLIE_EVENT_STORE_URL=f"sqlite:///{tmp_path}/events.db")
    assert done.returncode == 3, done.stderr


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    done = Billie({"BILLIE_MONGO_URL_FILE": str(tmp_path / "nothing")}).end("migrate")
    assert done.returncode == 2
    assert done.stderr.startswith("BILLIE_MONGO_URL_FILE: ")
    assert "Traceback" not in done.stderr
