"""What `deploy` tells each role is what production takes: a role that is started by it does not refuse."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.console.configured import check
from app.runtime.production import refusals
from app.runtime.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
ISSUER = {
    "BILLIE_JWKS_URL": "https://issuer.test/keys",
    "BILLIE_JWT_ISSUER": "https://issuer.test",
    "BILLIE_JWT_AUDIENCE": "billie",
    "BILLIE_LEDGER_TARGET": "ledger.test:443",
    "BILLIE_CONSOLE": "oidc",
    "BILLIE_CONSOLE_URL": "https://desk.test",
    "BILLIE_OIDC_CLIENT_ID": "billie-console",
}


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the compose folder, with secrets of its own."""
    folder = tmp_path_factory.mktemp("deploy") / "compose"
    shutil.copytree(DEPLOY / "compose", folder, ignore=shutil.ignore_patterns("secrets"))
    subprocess.run(["sh", "make-secrets.sh"], cwd=folder, check=True, capture_output=True)
    return folder


def told(environment: dict[str, str], secrets: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that a container has; its files under /run/secrets are those of ``secrets``."""
    for name, value in environment.items():
        if name.endswith("_FILE"):
            assert value.startswith("/run/secrets/")
            value = str(secrets[Path(value).name])
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.mark.parametrize("role", ["migrate", "ingest", "project", "api"])
def test_compose(role: str, compose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = yaml.safe_load((compose / "compose.yaml").read_text())
    service = document["services"][role]
    assert service["command"] == [role]
    secrets = {name: compose / document["secrets"][name]["file"] for name in service["secrets"]}
    # The variables that the machine gives, which default to nothing.
    environment = {name: ISSUER.get(name, value) for name, value in service["environment"].items()}
    environment |= {"BILLIE_LEDGER_TLS": "true"}
    settings = told(environment, secrets, monkeypatch)
    assert settings.env == "production"
    assert refusals(settings, role) == []
    if role == "api":
        check(settings)
        assert settings.console == "oidc"
    for url, host in (
        (settings.redis_url, "redis"),
        (settings.mongo_url, "mongo"),
        (settings.event_store_url, "postgres"),
    ):
        assert f"@{host}:" in url
        assert host in document["services"]


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
    settings = told(environment, {each["path"]: tmp_path / each["key"] for each in items}, monkeypatch)
    assert settings.env == "production"
    assert refusals(settings, role) == []
    if role == "api":
        check(settings)
        assert settings.console == "oidc"
    if role in ("ingest", "project"):
        assert container["ports"] == [{"name": "metrics", "containerPort": settings.metrics_port}]
        asked = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
        assert {each["port"] for each in asked} == {"metrics"}
        assert settings.metrics_host == "0.0.0.0", "the node asks"


_WORKLOADS = ("Job", "Deployment", "StatefulSet")


def _documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text()))
