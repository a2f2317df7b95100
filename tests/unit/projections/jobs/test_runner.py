"""The output of a job's process is read to its end, valid or not."""

import subprocess
import sys
from typing import Any

import pytest

from app.projections.jobs.runner import _Child

ORDER = {"kind": "verify", "projections": ["customers"], "fix": False, "resume": False}
SCRIPT = r"""
import sys
long = b"x" * 100_000
for line in (b"of Ann", b"\xff", long, long, b'{"progress": {"projection": "customers"}}'):
    sys.stdout.buffer.write(line + b"\n")
"""


def test_a_line_that_is_not_json_is_skipped_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begin = subprocess.Popen

    def says(_: Any, **options: Any) -> Any:
        return begin([sys.executable, "-c", SCRIPT], **options)

    monkeypatch.setattr(subprocess, "Popen", says)
    child = _Child({**ORDER, "_id": "J1", "attempts": 1})
    has_ended = child.ended(20)
    child.close()
    assert has_ended, "it does not wait for a reader"
    assert child.progress == {"customers": {"projection": "customers"}}
    assert caplog.text.count("Job J1: its process said what is not JSON") == 4
    assert "Ann" not in caplog.text
