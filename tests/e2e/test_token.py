"""``billie token``: a token for a person or a machine, that the API with the same settings takes."""

import httpx
import pytest
from pydantic import SecretStr

from app.runtime.settings.settings import Settings
from tests.support.api.serving import serving
from tests.support.commands import Billie

SECRET = "a secret for tests, of more than 32 bytes"


@pytest.mark.parametrize(
    ("options", "me"),
    [
        (("--user", "ann", "--role", "supervisor"), {"id": "ann", "role": "supervisor", "kind": "person"}),
        (
            ("--machine", "billing", "--role", "readonly"),
            {"id": "machine:billing", "role": "readonly", "kind": "machine"},
        ),
    ],
)
def test_a_token_is_taken_by_the_api(options: tuple[str, ...], me: dict[str, str]) -> None:
    settings = Settings(
        jwt_secret=SecretStr(SECRET),
        jwt_issuer="https://issuer.test",
        jwt_audience="billie",
        jwt_role_claim="realm_access.roles",
        mongo_url="mongodb://127.0.0.1:1",
        ledger_target="127.0.0.1:1",
    )
    token = Billie.of(settings).run("token", *options).strip()
    with serving(settings) as url:
        answer = httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()) == (200, me)


ANN = ("--user", "ann", "--role", "admin")


@pytest.mark.parametrize(
    ("options", "settings", "says"),
    [
        (("--role", "admin"), {}, "--user, or --machine"),
        (("--user", "ann", "--machine", "billing", "--role", "admin"), {}, "--user, or --machine"),
        (("--user", "machine:x", "--role", "admin"), {}, "is reserved"),
        (("--user", " ", "--role", "admin"), {}, "user is empty"),
        (
            ("--user", "ann", "--role", "admin"),
            {"BILLIE_JWT_SECRET": "short"},
            "BILLIE_JWT_SECRET is too short",
        ),
        (
            ("--user", "ann", "--role", "admin"),
            {"BILLIE_JWKS_URL": "https://issuer.test/keys"},
            "BILLIE_JWKS_URL",
        ),
    ],
)
def test_a_token_that_cannot_be_issued_is_reported(
    options: tuple[str, ...], settings: dict[str, str], says: str
) -> None:
    done = Billie({"BILLIE_JWT_SECRET": SECRET}).end("token", *options, **settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "BILLIE_JWT_SECRET"),
        ({"BILLIE_JWKS_URL": "https://issuer.test/keys"}, "BILLIE_JWT_ISSUER"),
    ],
)
def test_an_api_that_cannot_check_tokens_safely_does_not_start(settings: dict[str, str], says: str) -> None:
    done = Billie({"BILLIE_API_PORT": "0"}).end("api", **settings)
    assert done.returncode == 2
    assert says in done.stderr
