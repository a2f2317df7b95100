"""Names of consumers: distinct on one machine, and the same again after a kill."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.ingestion.stream.consumer_name import consumer_name
from app.runtime.settings.settings import Settings

HOLDER = """
import sys
from app.ingestion.stream.consumer_name import consumer_name
from app.runtime.settings.settings import Settings
with consumer_name(Settings(consumer_name="worker", inbox_stream=sys.argv[1])) as name:
    print(name, flush=True)
    sys.stdin.read()
"""


def hold(stream: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, stream], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_processes_of_one_machine_have_distinct_and_stable_names() -> None:
    stream = f"names-{os.getpid()}"
    held = [hold(stream) for _ in range(3)]
    try:
        assert [name for _, name in held] == ["worker", "worker-2", "worker-3"]
        second = held[1][0]
        second.send_signal(signal.SIGKILL)
        second.communicate()
        held[1] = hold(stream)
        assert held[1][1] == "worker-2"
    finally:
        for process, _ in held:
            process.kill()
            process.communicate()


def test_groups_do_not_share_names() -> None:
    one = Settings(consumer_name="worker", inbox_stream=f"one-{os.getpid()}")
    other = one.model_copy(update={"inbox_stream": f"other-{os.getpid()}"})
    with consumer_name(one) as first, consumer_name(other) as second, consumer_name(one) as third:
        assert (first, second, third) == ("worker", "worker", "worker-2")


@pytest.mark.parametrize("kind", ["file", "link"])
def test_folder_of_another_user_is_not_used(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / f"billie-consumers-{os.getuid()}"
    if kind == "file":
        folder.write_text("")
    else:
        (tmp_path / "theirs").mkdir()
        folder.symlink_to(tmp_path / "theirs")
    with consumer_name(Settings(consumer_name="worker")) as name:
        assert name == f"worker-{os.getpid()}"
    assert str(folder) in caplog.text
    assert not list(tmp_path.glob("theirs/*"))
