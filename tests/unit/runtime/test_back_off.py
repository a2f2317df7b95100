"""An unavailable server is logged once a minute, and at once when it fails again."""

from threading import Event

import pytest

from app.runtime.servers import back_off
from app.runtime.servers.back_off import BackOff


class Clock:
    """Seconds that pass on request."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(back_off, "monotonic", clock)
    return clock


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message.split(":")[0] for record in caplog.records]


def test_an_outage_is_logged_once_a_minute(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    stop = Event()
    stop.set()  # No wait is worth waiting for.
    waiting = BackOff(stop)
    for _ in range(13):
        waiting.failed(ConnectionError("refused"))
        clock.now += 9
    assert messages(caplog) == ["Waiting for a server"] * 2


def test_a_new_outage_is_logged_at_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    stop = Event()
    stop.set()
    waiting = BackOff(stop)
    waiting.failed(ConnectionError("refused"))
    waiting.went_well()
    clock.now += 20
    waiting.failed(ConnectionError("refused"))
    waiting.went_well()
    clock.now += 1
    waiting.failed(ConnectionError("refused"))  # It flutters.
    waiting.went_well()
    there_and_back = ["Waiting for a server", "The server is back after 1 tries"]
    assert messages(caplog) == there_and_back * 2
