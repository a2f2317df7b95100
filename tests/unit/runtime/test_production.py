"""What production refuses, one rule a case, and what it takes."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from app.runtime.settings.production import DEVELOPMENT_ONLY, refusals
from app.runtime.settings.settings import Settings

SAFE: dict[str, Any] = {
    "env": "production",
    "redis_url": "rediss://:secret-pass@redis.example:6379/0",
    "mongo_url": "mongodb://u:secret-pass@m1.example,m2.example/?replicaSet=rs0&tls=true",
    "event_store_url": "postgresql://u:secret-pass@db.example/events?sslmode=verify-full",
    "ledger_target": "ledger.example:50051",
    "ledger_tls": True,
    "jwks_url": "https://issuer.example/keys",
    "jwt_issuer": "https://issuer.example",
    "jwt_audience": "billie",
}


def refused(command: str = "api", **changes: Any) -> list[str]:
    """The settings that are refused, where all else is safe; a change to None unsets."""
    given = {name: value for name, value in (SAFE | changes).items() if value is not None}
    return [each.setting for each in refusals(Settings(**given), command)]


@pytest.mark.parametrize("command", ["api", "ingest", "project", "migrate", "status", "rebuild"])
def test_safe_settings_start(command: str) -> None:
    assert refused(command) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("redis_url", "redis://:p@redis.example:6379/0"),
        ("redis_url", "redis://127.example.com:6379/0"),
        ("redis_url", "rediss://redis.example:6379/0?ssl_cert_reqs=none"),
        ("mongo_url", "mongodb://u:p@mongo.example/billie"),
        ("mongo_url", "mongodb://127.0.0.1,mongo.example/"),
        ("mongo_url", "mongodb://mongo.example/?tls=false"),
        ("mongo_url", "mongodb+srv://mongo.example/?ssl=false"),
        ("mongo_url", "mongodb://mongo.example/?tls=true&tlsInsecure=true"),
        ("mongo_url", "mongodb+srv://mongo.example/?tlsAllowInvalidCertificates=true"),
        ("event_store_url", "postgresql://u:p@db.example/events"),
        ("event_store_url", "postgres://u:p@db.example/events?sslmode=prefer"),
        ("event_store_url", "postgresql://u:p@db.example/events?sslmode=disable"),
        ("otlp_endpoint", "http://collector.example:4318"),
    ],
)
def test_plain_text_to_another_machine_is_refused(setting: str, value: str) -> None:
    for command in ("api", "ingest", "project", "migrate", "status"):
        assert refused(command, **{setting: value}) == [f"BILLIE_{setting.upper()}"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("redis_url", "redis://127.0.0.1:6379/0"),
        ("redis_url", "redis://[::1]:6379/0"),
        ("redis_url", "unix:///run/redis.sock"),
        ("mongo_url", "mongodb://localhost:27017,127.0.0.1:27018"),
        ("mongo_url", "mongodb://u:p@%2Frun%2Fmongodb-27017.sock/billie"),
        ("mongo_url", "mongodb+srv://mongo.example/"),
        ("mongo_url", "mongodb://MONGO.example/?TLS=true"),
        ("event_store_url", "sqlite:////var/lib/billie/events.db"),
        ("event_store_url", "postgresql://u:p@127.0.0.1/events"),
        ("event_store_url", "postgresql://u:p@db.example/events?sslmode=require"),
    ],
)
def test_local_and_encrypted_servers_are_accepted(setting: str, value: str) -> None:
    assert refused(**{setting: value}) == []


def test_a_host_declared_protected_may_use_plain_text() -> None:
    plain = {
        "redis_url": "redis://redis:6379/0",
        "mongo_url": "mongodb://m1,M2/",
        "event_store_url": "postgresql://db/x",
        "ledger_target": "ledger:50051",
        "ledger_tls": False,
    }
    assert refused(**plain, plaintext_hosts="redis,m1,m2,db,ledger") == []
    assert refused(**plain, plaintext_hosts="redis, m1 ,db,ledger") == ["BILLIE_MONGO_URL"]


@pytest.mark.parametrize("host", ["*", "https://redis", "redis:6379", "*.example.com"])
def test_an_invalid_host_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="is not a host"):
        Settings(plaintext_hosts=host)  # type: ignore[arg-type]


def test_the_ledger_in_plain_text_is_refused() -> None:
    assert refused(ledger_tls=False) == ["BILLIE_LEDGER_TLS"]


def test_roles_that_call_the_ledger_need_its_address() -> None:
    assert refused(ledger_target=None) == ["BILLIE_LEDGER_TARGET"]
    assert refused(ledger_target="") == ["BILLIE_LEDGER_TARGET"]
    assert refused("ingest", ledger_target=None) == []


def test_development_sign_in_is_refused_even_beside_an_issuer() -> None:
    assert refused(jwt_secret=SecretStr("s" * 40)) == ["BILLIE_JWT_SECRET"]


def test_an_api_without_authentication_is_refused() -> None:
    assert refused(jwks_url=None) == ["BILLIE_JWKS_URL"]
    assert refused("ingest", jwks_url=None) == []


def test_cors_origins_over_plain_http_are_refused() -> None:
    assert refused(cors_origins=("http://desk.example",)) == ["BILLIE_CORS_ORIGINS"]
    assert refused(cors_origins=("https://desk.example", "http://localhost:3000")) == []


def test_the_api_refuses_a_console_without_passwords() -> None:
    assert refused(console="development") == ["BILLIE_CONSOLE"]
    assert refused("ingest", console="development") == []
    assert refused(console="oidc", console_url="http://desk.example") == ["BILLIE_CONSOLE_URL"]
    assert refused(console="oidc", console_url="https://desk.example") == []
    assert refused(console="off") == []


@pytest.mark.parametrize("command", DEVELOPMENT_ONLY)
def test_development_settings_are_refused_despite_any_other_setting(command: str) -> None:
    assert refused(command) == ["BILLIE_ENV"]


def test_every_refusal_is_reported_at_once_without_passwords() -> None:
    found = refusals(
        Settings(
            env="production",
            redis_url="redis://:secret-pass@redis.example",
            mongo_url="mongodb://u:secret-pass@mongo.example",
            event_store_url="postgresql://u:secret-pass@db.example/x",
            ledger_target="ledger.example:1",
            jwt_secret=SecretStr("secret-pass"),
        ),
        "api",
    )
    assert [each.setting for each in found] == [
        "BILLIE_REDIS_URL",
        "BILLIE_MONGO_URL",
        "BILLIE_EVENT_STORE_URL",
        "BILLIE_LEDGER_TLS",
        "BILLIE_JWT_SECRET",
        "BILLIE_JWKS_URL",
    ]
    said = "\n".join(map(str, found))
    assert "secret-pass" not in said
    for part in ("redis.example", "rediss://", "tls=true", "sslmode=verify-full", "BILLIE_PLAINTEXT_HOSTS"):
        assert part in said


def test_development_accepts_every_setting() -> None:
    assert refusals(Settings(redis_url="redis://redis.example", jwt_secret=SecretStr("s")), "api") == []


def test_no_third_environment() -> None:
    with pytest.raises(ValidationError):
        Settings(env="prod")  # type: ignore[arg-type]
