"""How far a long job is: a bar on a terminal, a line every five seconds elsewhere."""

import pytest

from app.cli.terminal import status_line
from app.cli.terminal.status_line import StatusLine


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(status_line, "monotonic", lambda: now[0])
    return now


def shown(clock: list[float], *at: int) -> None:
    with StatusLine(at_once=True) as line:
        for position in at:
            line.progress("fold", position, 1_000, "events", f", {position // 10:,} documents written")
            clock[0] += 2.0
        line.progress("swap customers", 1_000, 1_000, "events")


def test_a_log_has_a_line_every_five_seconds(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    shown(clock, 0, 200, 400, 600, 800)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1] == "fold:  60% of 1,000 events, 100 events/s, 60 documents written, 4.0 s left"


def test_a_terminal_has_a_bar(
    clock: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown(clock, 0, 500)
    output = capsys.readouterr().out
    assert "fold: [############............]  50%" in output
    assert "swap customers: [########################] 100% of 1,000 events, 0 events/s" in output
