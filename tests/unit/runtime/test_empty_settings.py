"""A variable that is set to nothing, as compose files give one that nobody filled in."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.errors import ConfigurationError
from app.runtime.settings.settings import Settings
from app.runtime.settings.variables import GUARDS

OPTIONAL = {name for name, field in Settings.model_fields.items() if field.default is None}
OPTIONAL |= {"otlp_endpoint"}
SECRET = "YSBzZWNyZXQgZm9yIHRlc3RzLCBvZiAzMiBieXRlcy4="


@pytest.mark.parametrize("name", sorted(OPTIONAL - GUARDS))
def test_an_optional_setting_is_unset_then(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.setenv(f"BILLIE_{name.upper()}", "")
    settings = Settings()
    assert getattr(settings, name) is None
    assert name not in settings.model_fields_set


@pytest.mark.parametrize("name", sorted(GUARDS))
def test_an_empty_setting_never_disables_a_safeguard(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"BILLIE_{name.upper()}", "")
    with pytest.raises(ConfigurationError, match=f"BILLIE_{name.upper()} is empty"):
        Settings()


@pytest.mark.parametrize("name", ["env", "redis_url", "mongo_url", "ledger_tls", "api_port", "console"])
def test_an_empty_setting_with_a_default_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"BILLIE_{name.upper()}", "")
    with pytest.raises(ValidationError, match=name):
        Settings()


def test_a_file_counts_beside_an_empty_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text(SECRET)
    monkeypatch.setenv("BILLIE_SESSION_SECRET", "")
    monkeypatch.setenv("BILLIE_SESSION_SECRET_FILE", str(tmp_path / "secret"))
    secret = Settings().session_secret
    assert secret is not None
    assert secret.get_secret_value() == SECRET


def test_white_space_is_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLIE_CONSOLE_URL", " ")
    with pytest.raises(ValidationError, match="console_url"):
        Settings()
