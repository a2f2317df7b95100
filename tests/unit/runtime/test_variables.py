"""Secrets from files: ``BILLIE_X_FILE`` instead of ``BILLIE_X``."""

from pathlib import Path

import pytest

from app.runtime.settings.settings import Settings
from app.runtime.settings.variables import FROM_FILES, SecretFileError

SECRET = "YSBzZWNyZXQgZm9yIHRlc3RzLCBvZiAzMiBieXRlcy4="
"""Of 32 bytes in Base64, as master keys have to be."""
URLS = {
    "redis_url": "rediss://:pass@redis.example:6379/0",
    "mongo_url": "mongodb+srv://u:pass@mongo.example",
    "event_store_url": "postgresql://u:pass@db.example/events",
}


@pytest.mark.parametrize("name", FROM_FILES)
def test_each_comes_from_a_file_without_its_last_newline(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = URLS.get(name, SECRET)
    (tmp_path / "secret").write_text(f"{secret}\n")
    monkeypatch.setenv(f"BILLIE_{name.upper()}_FILE", str(tmp_path / "secret"))
    value = getattr(Settings(), name)
    assert (value if name in URLS else value.get_secret_value()) == secret


def test_values_of_the_program_count_before_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("redis://elsewhere:1")
    monkeypatch.setenv("BILLIE_REDIS_URL_FILE", str(tmp_path / "secret"))
    assert Settings(redis_url="redis://here:1").redis_url == "redis://here:1"


def test_both_the_setting_and_its_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text(SECRET)
    monkeypatch.setenv("BILLIE_JWT_SECRET_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("BILLIE_JWT_SECRET", SECRET)
    with pytest.raises(SecretFileError, match="BILLIE_JWT_SECRET and BILLIE_JWT_SECRET_FILE are both set"):
        Settings()


def test_an_empty_variable_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLIE_JWT_SECRET_FILE", "")
    assert Settings().jwt_secret is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "no text in UTF-8"),
        (b"x" * 70_000, "larger than"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_without_its_content(
    content: bytes | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("BILLIE_MONGO_URL_FILE", str(path))
    with pytest.raises(SecretFileError) as refused:
        Settings()
    said = str(refused.value)
    assert said.startswith(f"BILLIE_MONGO_URL_FILE: {path}")
    assert why in said
    assert "xxx" not in said


def test_a_directory_is_reported_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLIE_MONGO_URL_FILE", str(tmp_path))
    with pytest.raises(SecretFileError, match="Is a directory"):
        Settings()


def test_a_setting_that_comes_from_no_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLIE_MONGO_DB_FILE", "/run/secrets/name")
    with pytest.raises(SecretFileError, match=r"BILLIE_MONGO_DB_FILE is no setting.*BILLIE_MONGO_URL_FILE"):
        Settings()


def test_the_ledgers_authorities_are_a_setting_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLIE_LEDGER_CA_FILE", "/etc/ledger.pem")
    assert Settings().ledger_ca_file == Path("/etc/ledger.pem")
