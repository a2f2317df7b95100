"""What the commands say when they are used wrongly, or well."""

import socket
from pathlib import Path

import pytest
from redis import Redis

from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.waiting import LONG_S


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "entries.jsonl"
    path.write_text('{"typ": "user_input", "cid": "V1"}\n{"agt": "nobody"}\n')
    return path


def ended(billie: Billie, *arguments: str, **settings: str) -> tuple[int, str]:
    process = billie.start(*arguments, **settings)
    _, errors = process.communicate(timeout=2 * LONG_S)
    return process.returncode, errors


def test_publish_reads_a_file_or_standard_input(
    billie: Billie, settings: Settings, redis_client: Redis, file: Path
) -> None:
    assert "2 entries published" in billie.run("publish", str(file))
    assert "2 entries published" in billie.run("publish", "-", stdin=file.read_text())
    assert redis_client.xlen(settings.inbox_stream) == 4
    assert "4 entries taken from inbox:billie-srv, 2 of them dead letters." in billie.run("ingest", "--drain")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}\n", "line 1"),
        (b"{\n", "line 1: not JSON"),
        (b"\xff\n", "not valid UTF-8"),
        (None, "No such file"),
    ],
)
def test_file_that_cannot_be_published_is_named(
    billie: Billie, tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "bad.jsonl"
    if content is not None:
        path.write_bytes(content)
    code, errors = ended(billie, "publish", str(path))
    assert code == 2
    assert str(path) in errors
    assert said in errors


@pytest.mark.parametrize(
    ("verb", "setting", "value", "code"),
    [
        ("ingest", "BILLIE_REDIS_URL", "redis://127.0.0.1:1", 3),
        ("ingest", "BILLIE_REDIS_URL", "localhost", 2),
        ("ingest", "BILLIE_EVENT_STORE_URL", "mysql://localhost/x", 2),
        ("ingest", "BILLIE_INGEST_BATCH", "many", 2),
        ("api", "BILLIE_JWT_SECRET", "short", 2),
    ],
)
def test_bad_setting_is_named(billie: Billie, verb: str, setting: str, value: str, code: int) -> None:
    drain = ["--drain"] if verb == "ingest" else []
    returned, errors = ended(billie, verb, *drain, **{setting: value})
    assert (returned, setting in errors) == (code, True), errors
    assert "Traceback" not in errors


def test_port_in_use_is_reported(billie: Billie) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, errors = ended(billie, "api", BILLIE_API_PORT=str(taken.getsockname()[1]))
    assert (code, "BILLIE_API_PORT" in errors) == (3, True)


def test_migrate_reports_each_migration_once(billie: Billie) -> None:
    assert "Ran 0001_collections." in billie.run("migrate")
    assert "newest migration" in billie.run("migrate")


def test_project_warns_of_pending_migrations(billie: Billie) -> None:
    code, errors = ended(billie, "project", "--drain")
    assert (code, "billie migrate" in errors) == (0, True)
