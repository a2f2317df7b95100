"""The setting BILLIE_CORS_ORIGINS: exact origins, and nothing that lets everybody in."""

import pytest
from pydantic import ValidationError

from app.runtime.settings.settings import Settings


def test_origins_have_commas_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLIE_CORS_ORIGINS", "https://desk.example, http://localhost:3000,http://[::1]:80,")
    assert Settings().cors_origins == ("https://desk.example", "http://localhost:3000", "http://[::1]:80")
    monkeypatch.setenv("BILLIE_CORS_ORIGINS", "")
    assert Settings().cors_origins == ()


@pytest.mark.parametrize(
    ("origins", "why"),
    [
        ("*", "name each origin"),
        ("https://*.example", "name each origin"),
        ("https://desk.example/", "is not an origin"),
        ("desk.example", "is not an origin"),
        ("https://Desk.example", "is not an origin"),
        ("null", "is not an origin"),
        ("https://desk.example https://other.example", "is not an origin"),
    ],
)
def test_an_inexact_origin_is_refused(origins: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLIE_CORS_ORIGINS", origins)
    with pytest.raises(ValidationError, match=why):
        Settings()
