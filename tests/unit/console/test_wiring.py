"""The console does not start without the settings of a safe sign-in."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from app.console.application import ConsoleNotConfiguredError, check, create_app
from app.runtime.settings.settings import Settings

OIDC: dict[str, Any] = {
    "console": "oidc",
    "jwks_url": "https://issuer.example/keys",
    "jwt_issuer": "https://issuer.example",
    "jwt_audience": "billie",
    "oidc_client_id": "console",
    "console_url": "https://desk.example/",
    "session_secret": SecretStr("s" * 40),
}


def test_complete_settings_are_accepted() -> None:
    check(Settings(**OIDC))
    assert Settings(**OIDC).console_url == "https://desk.example"
    check(Settings(console="development"))
    check(Settings())


@pytest.mark.parametrize(
    "name", ["jwks_url", "jwt_issuer", "oidc_client_id", "console_url", "session_secret"]
)
def test_each_missing_setting_is_named(name: str) -> None:
    with pytest.raises(ConsoleNotConfiguredError, match=f"BILLIE_{name.upper()}"):
        check(Settings(**OIDC | {name: None}))


def test_a_short_secret_is_refused_for_every_sign_in() -> None:
    settings = Settings(
        console="development", session_secret=SecretStr("short"), jwt_secret=SecretStr("j" * 40)
    )
    with pytest.raises(ConsoleNotConfiguredError, match="BILLIE_SESSION_SECRET is too short"):
        create_app(settings)


@pytest.mark.parametrize("url", ["desk.example", "https://desk.example/console", "https://Desk.example", "*"])
def test_its_address_is_an_origin(url: str) -> None:
    with pytest.raises(ValidationError, match="is not an origin"):
        Settings(console_url=url)
