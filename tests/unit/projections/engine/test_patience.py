"""How long a verification waits for a stalled position: longer while a heartbeat shows work."""

import pytest

from app.projections.rebuild import verify


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(verify, "monotonic", clock)
    return clock


def record(position: int, beat: int) -> dict[str, object]:
    return {"position": position, "lease": {"beat": beat}}


def test_without_a_heartbeat_verification_waits_ten_seconds(clock: Clock) -> None:
    patience = verify._Patience(5)
    assert patience.lasts(record(5, 1))
    clock.now = 9.9
    assert patience.lasts(record(5, 1))
    clock.now = 10.1
    assert not patience.lasts(record(5, 1))


def test_with_a_heartbeat_verification_waits_two_minutes_after_each_move(clock: Clock) -> None:
    patience = verify._Patience(5)
    for second in range(0, 120, 2):
        clock.now = float(second)
        assert patience.lasts(record(5, second))
    assert patience.lasts(record(6, 200))
    assert patience.position == 6
    clock.now += 121
    assert not patience.lasts(record(6, 201))
