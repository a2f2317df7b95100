"""The demo as a stranger starts it: it shows a customer, stops by itself, and leaves nothing running."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

ROOT = Path(__file__).parents[2]


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts demos; what a failed test left running is killed."""
    with contextlib.ExitStack() as running:

        def begin(data: Path, *arguments: str) -> subprocess.Popen[str]:
            process = running.enter_context(_demo(data, arguments))
            running.callback(process.kill)
            return process

        yield begin


def _demo(data: Path, arguments: tuple[str, ...]) -> subprocess.Popen[str]:
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
    output = ""
    watchdog = threading.Timer(240, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            output += line
            if found := re.search(pattern, line):
                return output, found.group(1)
    finally:
        watchdog.cancel()
    pytest.fail(f"the demo ended without {pattern!r}:\n{output}")


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.usefixtures("without_mongod")
def test_the_demo_is_well_but_for_its_dead_letters_stops_at_a_signal_and_resumes_with_its_data(
    start: Start, tmp_path: Path
) -> None:
    process = start(tmp_path / "demo")
    output, token = shown(process, r"^TOKEN=(\S+)")
    _, path = shown(process, r"'(http\S+/v1/customers/\S+)'")
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        answer = client.get(path)
        status = client.get(f"{path.partition('/v1/')[0]}/v1/status").json()
    assert answer.status_code == 200
    assert answer.json()["customerId"].startswith("CUS-")
    assert {each["code"] for each in status["problems"]} == {"dead_letters"}
    children = descendants(process)
    assert len(children) >= 7
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=600)
    assert (process.returncode, "The data is kept" in rest) == (0, True), output + rest
    assert not [child for child in children if child.is_running()]
    again = start(tmp_path / "demo", "--for", "2")
    more, _ = again.communicate(timeout=600)
    assert again.returncode == 0, more
    assert messages(more) > messages(rest)


def messages(output: str) -> int:
    """How many there have been, as the demo says at its end."""
    return int(re.findall(r"([\d,]+) messages", output)[-1].replace(",", ""))


def test_a_second_signal_stops_it_hard(start: Start, tmp_path: Path) -> None:
    process = start(tmp_path / "demo")
    shown(process, r"^(TOKEN)=")
    children = descendants(process)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.2)  # Signals sent at once would be one.
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=600)
    assert (process.returncode, "Stopped hard" in rest) == (1, True)
    _none_is_left(children)


def _none_is_left(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive


def test_a_server_alone_that_is_killed_starts_again(start: Start, tmp_path: Path) -> None:
    process = start(tmp_path / "demo", "--servers-only")
    _, redis = shown(process, r"^redis-server +process (\d+)")
    shown(process, r"^(In other terminals)")
    children = descendants(process)
    assert len(children) >= 3
    os.kill(int(redis), signal.SIGKILL)
    _, again = shown(process, r"^redis-server was away for 10 s, and is process (\d+) now")
    assert psutil.Process(int(again)).is_running()
    process.terminate()
    rest, _ = process.communicate(timeout=600)
    assert process.returncode == 0, rest
    assert not psutil.pid_exists(int(again))
    _none_is_left(children)


def test_two_demos_share_neither_ports_nor_data_and_a_dead_process_ends_its_own(
    start: Start, tmp_path: Path
) -> None:
    first = start(tmp_path / "demo")
    shown(first, r"^(TOKEN)=")
    output, _ = start(tmp_path / "demo").communicate(timeout=600)
    assert "Another demo is using" in output
    second = start(tmp_path / "other")
    output, _ = shown(second, r"^(TOKEN)=")
    assert output.count("is in use") == 4
    for demo, name in ((first, "ingest"), (second, "redis-server")):
        children = descendants(demo)
        next(child for child in children if name in " ".join(child.cmdline())).kill()
        rest, _ = demo.communicate(timeout=600)
        assert demo.returncode == 1
        assert f"{name} ended by itself, with code -9" in rest
        _none_is_left(children)


def test_a_killed_demo_leaves_no_process(start: Start, tmp_path: Path) -> None:
    process = start(tmp_path / "demo")
    shown(process, r"^(TOKEN)=")
    children = descendants(process)
    process.kill()
    process.communicate()
    _none_is_left(children)
