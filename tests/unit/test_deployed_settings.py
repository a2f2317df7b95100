"""What `deploy` tells each role is what production takes: a role that is started by it does not refuse."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.api.auth.tokens import TokenVerifier
from app.console.application import check
from app.runtime.settings.production import refusals
from app.runtime.settings.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
ISSUER = {
    "BILLIE_JWKS_URL": "https://issuer.test/keys",
    "BILLIE_JWT_ISSUER": "https://issuer.test",
    "BILLIE_JWT_AUDIENCE": "billie",
    "BILLIE_LEDGER_TARGET": "ledger.test:443",
    "BILLIE_CONSOLE": "oidc",
    "BILLIE_CONSOLE_URL": "https://console.test",
    "BILLIE_OIDC_CLIENT_ID": "billie-console",
}
CONSOLE = ("BILLIE_CONSOLE", "BILLIE_CONSOLE_URL", "BILLIE_OIDC_CLIENT_ID")
MEASURED = ("ingest", "project", "api")
_VARIABLE = re.compile(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}")


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the compose folder, with secrets of its own."""
    folder = tmp_path_factory.mktemp("deploy") / "compose"
    shutil.copytree(DEPLOY / "compose", folder, ignore=shutil.ignore_patterns("secrets"))
    subprocess.run(["sh", "make-secrets.sh"], cwd=folder, check=True, capture_output=True)
    return folder


def settings_of(
    environment: dict[str, str], secrets: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """The settings that a container has; its files under /run/secrets are those of ``secrets``."""
    for name, value in environment.items():
        if name.endswith("_FILE"):
            assert value.startswith("/run/secrets/")
            value = str(secrets[Path(value).name])
        monkeypatch.setenv(name, value)
    return Settings()


def compose_document(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((folder / "compose.yaml").read_text())
    return document


def compose_service(folder: Path, role: str) -> tuple[dict[str, Any], dict[str, Path]]:
    """The service of a role, and the files of its secrets."""
    document = compose_document(folder)
    service = document["services"][role]
    return service, {name: folder / document["secrets"][name]["file"] for name in service["secrets"]}


def given(environment: dict[str, str], machine: dict[str, str]) -> dict[str, str]:
    """The variables of a service as compose fills them in: from ``machine``, or the default after ``:-``."""

    def filled(found: re.Match[str]) -> str:
        return machine.get(found["name"]) or found["default"]

    return {name: _VARIABLE.sub(filled, value) for name, value in environment.items()}


@pytest.mark.parametrize("role", ["migrate", "ingest", "project", "api"])
def test_compose(role: str, compose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service, secrets = compose_service(compose, role)
    assert service["command"] == [role]
    settings = settings_of(given(service["environment"], ISSUER), secrets, monkeypatch)
    assert settings.env == "production"
    assert refusals(settings, role) == []
    if role == "api":
        check(settings)
        assert settings.console == "oidc"
    if role in MEASURED:
        assert settings.metrics_port == 9464
        assert settings.metrics_host == "0.0.0.0", "Prometheus is in another container"
    for url, host in (
        (settings.redis_url, "redis"),
        (settings.mongo_url, "mongo"),
        (settings.event_store_url, "postgres"),
    ):
        assert f"@{host}:" in url
        assert host in compose_document(compose)["services"]


def test_compose_without_the_console(compose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = {name: value for name, value in ISSUER.items() if name not in CONSOLE}
    service, secrets = compose_service(compose, "api")
    settings = settings_of(given(service["environment"], machine), secrets, monkeypatch)
    assert refusals(settings, "api") == []
    check(settings)
    assert (settings.console, settings.console_url, settings.oidc_client_id) == ("off", None, None)


def test_compose_names_missing_settings(compose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service, secrets = compose_service(compose, "api")
    settings = settings_of(given(service["environment"], {}), secrets, monkeypatch)
    assert [each.setting for each in refusals(settings, "api")] == ["BILLIE_LEDGER_TARGET", "BILLIE_JWKS_URL"]


def test_compose_on_a_laptop(compose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service, secrets = compose_service(compose, "api")
    document = yaml.safe_load((compose / "laptop.yaml").read_text())
    laptop = document["services"]["api"]
    secrets |= {name: compose / document["secrets"][name]["file"] for name in laptop["secrets"]}
    environment = given(service["environment"], {}) | laptop["environment"]
    settings = settings_of(environment, secrets, monkeypatch)
    check(settings)
    assert (settings.env, settings.console, settings.jwks_url) == ("development", "development", None)
    assert TokenVerifier(settings) is not None


@pytest.mark.parametrize("role", ["migrate", "ingest", "project", "api"])
def test_kubernetes(role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "redis-url": "rediss://redis.test",
        "mongo-url": "mongodb+srv://mongo.test",
        "event-store-url": "postgresql://db.test/x?sslmode=verify-full",
        "master-key": "YSBzZWNyZXQgZm9yIHRlc3RzLCBvZiAzMiBieXRlcy4=",
        "session-secret": "a secret for tests, of more than 32 bytes",
    }.items():
        (tmp_path / name).write_text(value)
    [workload] = [each for each in _documents(f"{role}.yaml") if each["kind"] in _WORKLOADS]
    pod = workload["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["args"] == [role]
    [items] = [volume["secret"]["items"] for volume in pod["volumes"] if "secret" in volume]
    environment = dict(_documents("settings.yaml")[0]["data"])
    environment |= {each["name"]: each["value"] for each in container["env"]}
    settings = settings_of(environment, {each["path"]: tmp_path / each["key"] for each in items}, monkeypatch)
    assert settings.env == "production"
    assert refusals(settings, role) == []
    if role == "api":
        check(settings)
        assert settings.console == "oidc"
    if role in MEASURED:
        ports = {each["name"]: each["containerPort"] for each in container["ports"]}
        asked = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
        assert {each["port"] for each in asked} == {"http" if role == "api" else "metrics"}
        assert ports.pop("http", None) == (settings.api_port if role == "api" else None)
        assert ports == {"metrics": settings.metrics_port}
        assert settings.metrics_host == "0.0.0.0", "the node asks, and Prometheus"


_WORKLOADS = ("Job", "Deployment", "StatefulSet")


def _documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text()))
