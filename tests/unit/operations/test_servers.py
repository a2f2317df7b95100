"""An event store that cannot be opened: callers learn it soon, and get its current state."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from eventsourcing.persistence import OperationalError

from app.event_store.application import Servicing
from app.operations import servers
from app.operations.servers import Servers
from app.runtime.settings.settings import Settings
from tests.support.waiting import LONG_S, until


class Hanging:
    """A server that answers nobody, until it is given up."""

    def __init__(self) -> None:
        self.tries = 0
        self.given_up = Event()

    def __call__(self, *_: object) -> Servicing:
        self.tries += 1
        self.given_up.wait(2 * LONG_S)
        msg = "timed out"
        raise OperationalError(msg)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Hanging:
    hanging = Hanging()
    monkeypatch.setattr(servers, "_open", hanging)
    return hanging


def test_concurrent_waits_for_an_event_store_share_one_attempt(
    hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = list[float]()
    monkeypatch.setattr(servers, "monotonic", lambda: came.append(100.0) or 100.0)
    asked = Servers(Settings())
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(asked.event_store) for _ in range(8)]
        until(lambda: hanging.tries == 1 and len(came) == 8, what="one that tries, and others behind it")
        hanging.given_up.set()
        assert all(isinstance(each.exception(LONG_S), OperationalError) for each in answers)
    assert hanging.tries == 1
    asked.close()


def test_a_failure_is_raised_again_for_a_second(hanging: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(servers, "monotonic", lambda: clock[0])
    hanging.given_up.set()
    asked = Servers(Settings())
    for seconds, tries in ((0.0, 1), (0.9, 1), (0.2, 2)):
        clock[0] += seconds
        with pytest.raises(OperationalError):
            asked.event_store()
        assert hanging.tries == tries
    asked.close()
