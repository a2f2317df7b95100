"""The built wheel in an environment with nothing else in it, away from the checkout: `billie demo` works."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


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
    """It finds what it requires as this environment has it of the lock, and nothing else."""
    venv = tmp_path / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", str(venv), cwd=tmp_path)
    for package in _required(wheel):
        _link(package, venv)
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python")]
    _run(*pip, "install", "-q", "--no-index", f"{wheel}[embedded]", cwd=tmp_path)
    process = subprocess.Popen(
        [str(venv / "bin" / "billie"), "demo", "--customers", "3", "--data", "demo"],
        cwd=tmp_path,
        env=_bare_environment() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watchdog = threading.Timer(600, process.kill)
    watchdog.start()
    try:
        token, url = _shown(process)
        answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert answer.status_code == 200
        assert answer.json()["customerId"].startswith("CUS-")
        process.terminate()
        rest, _ = process.communicate(timeout=600)
        assert (process.returncode, "The data is kept" in rest) == (0, True), rest
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def _required(wheel: Path) -> Iterator[Distribution]:
    """What the wheel requires with its extra ``embedded``, and what that requires, each once."""
    [ours] = distributions(path=[str(wheel)])
    asked, known = [(ours, "embedded")], set[tuple[str, str]]()
    while asked:
        package, extra = asked.pop()
        for requirement in map(Requirement, package.requires or ()):
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
                continue
            found = distribution(requirement.name)
            if not any(name == found.name for name, _ in known):
                yield found
            new = {(found.name, each) for each in ("", *requirement.extras)} - known
            known |= new
            asked += [(found, each) for _, each in new]


def _link(package: Distribution, venv: Path) -> None:
    """Put a package's files into the environment; its scripts are to run there."""
    python = venv / "bin" / "python"
    site = venv / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for file in package.files or ():
        source, target = Path(str(file.locate())), Path(os.path.normpath(site / file))
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.parent == python.parent and (script := source.read_bytes()).startswith(b"#!"):
            target.write_bytes(f"#!{python}\n".encode() + script.partition(b"\n")[2])
            target.chmod(0o755)
        elif source.exists():
            target.symlink_to(source)


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
