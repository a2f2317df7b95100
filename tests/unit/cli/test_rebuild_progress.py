"""What a rebuild shows: a bar on a terminal, a line every five seconds elsewhere."""

import pytest

from app.cli.terminal import rebuild_progress, status_line
from app.cli.terminal.rebuild_progress import RebuildProgress
from app.projections.rebuild.rebuild import Progress
from app.projections.rebuild.shadow import Phase


def progress(position: int, phase: Phase = Phase.FOLD) -> Progress:
    return Progress("customers", phase, position, 1_000, position // 4, position // 10)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    for module in (rebuild_progress, status_line):
        monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def shown(clock: list[float], *at: int) -> None:
    with RebuildProgress(["customers"]) as showing:
        for position in at:
            showing.show(progress(position))
            clock[0] += 2.0
        showing.show(progress(1_000, Phase.SWAP))


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
    assert "[############............]  50%" in capsys.readouterr().out
