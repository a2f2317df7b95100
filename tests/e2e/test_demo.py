"""The demo as a stranger starts it: it shows a customer, stops by itself, and leaves nothing running."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

ROOT = Path(__file__).parents[2]


def start(data: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BILLIE_")}
    return subprocess.Popen(
        [
            sys.executable,
            "-u",
            "-m",
            "app.cli.main",
            "demo",
            "--data",
            str(data),
            "--customers",
            "5",
            *arguments,
        ],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def shown(process: subprocess.Popen[str], pattern: str) -> tuple[str, str]:
    """What was printed until a line that holds ``pattern``, and the first group of it."""
    assert process.stdout is not None
    told = ""
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            told += line
            if found := re.search(pattern, line):
                return told, found.group(1)
    finally:
        watchdog.cancel()
    pytest.fail(f"the demo ended without {pattern!r}:\n{told}")


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_it_shows_a_customer_and_stops_by_itself(tmp_path: Path) -> None:
    process = start(tmp_path / "demo", "--for", "6")
    told, token = shown(process, r"^TOKEN=(\S+)")
    _, path = shown(process, r"'(http\S+/v1/customers/\S+)'")
    answer = httpx.get(path, headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert answer.status_code == 200
    assert answer.json()["customerId"].startswith("CUS-")
    children = descendants(process)
    assert len(children) >= 7
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told + rest
    assert not [child for child in children if child.is_running()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopping_it_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path / "demo")
    shown(process, r"^(TOKEN)=")
    children = descendants(process)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (0 if number is signal.SIGINT else -signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_a_dead_child_is_named(tmp_path: Path) -> None:
    process = start(tmp_path / "demo")
    shown(process, r"^(TOKEN)=")
    role: Any = next(child for child in descendants(process) if "ingest" in child.cmdline())
    role.kill()
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "ingest ended by itself, with code -9" in rest


def test_second_start_goes_on_with_the_data(tmp_path: Path) -> None:
    counts = []
    for _ in range(2):
        process = start(tmp_path / "demo", "--for", "4")
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0, rest
        counts.append(int(re.findall(r"([\d,]+) messages", rest)[-1].replace(",", "")))
    assert counts[1] > counts[0]
