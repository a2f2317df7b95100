"""The built wheel in an environment with nothing else in it, away from the checkout: `billie demo` works."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

ROOT = Path(__file__).parents[2]
_PIN = re.compile(r"^([A-Za-z0-9_.-]+==[^ \\]+( ; [^\\]*)?)", re.MULTILINE)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    [wheel] = folder.glob("*.whl")
    return wheel


def test_the_wheel_holds_data_files_and_no_tests(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    migrations = {path.name for path in (ROOT / "alembic-free-migrations").glob("[0-9]*.py")}
    assert {f"app/_migrations/{name}" for name in migrations} <= names
    committed = subprocess.run(
        ["git", "ls-files", "app"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(committed.stdout.split()) <= names
    assert {name.partition("/")[0] for name in names} == {
        "app",
        f"{'-'.join(wheel.name.split('-')[:2])}.dist-info",
    }


@pytest.mark.usefixtures("without_mongod")
def test_the_demo_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """The versions are those of the lock; that it is these files, the lock's hashes say elsewhere."""
    pins = tmp_path / "constraints.txt"
    pins.write_text("\n".join(found[0] for found in _PIN.findall((ROOT / "requirements.lock").read_text())))
    venv = tmp_path / "venv"
    _run(sys.executable, "-m", "venv", str(venv), cwd=tmp_path)
    pip = (str(venv / "bin" / "pip"), "install", "-q", "--disable-pip-version-check")
    _run(*pip, "-c", str(pins), f"{wheel}[embedded]", cwd=tmp_path)
    process = subprocess.Popen(
        [str(venv / "bin" / "billie"), "demo", "--customers", "3", "--data", "demo"],
        cwd=tmp_path,
        env=_bare_environment() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    try:
        token, url = _shown(process)
        answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert answer.status_code == 200
        assert answer.json()["customerId"].startswith("CUS-")
        process.terminate()
        rest, _ = process.communicate(timeout=120)
        assert (process.returncode, "The data is kept" in rest) == (0, True), rest
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def _shown(process: subprocess.Popen[str]) -> tuple[str, str]:
    """The token that the demo prints, and the address of a customer."""
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if (token := re.search(r"^TOKEN=(\S+)", output, re.MULTILINE)) and (
            url := re.search(r"'(http\S+/v1/customers/\S+)'", output)
        ):
            return token[1], url[1]
    pytest.fail(f"the demo ended without a customer:\n{output}")


def _run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, env=_bare_environment(), capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def _bare_environment() -> dict[str, str]:
    """Ours, without what would let it find the checkout or our settings."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("BILLIE_", "PYTHON", "VIRTUAL_ENV"))}
