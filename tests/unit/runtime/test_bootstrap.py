"""The event store of a role that starts: a server that is away is waited for, a wrong master key is not."""

from threading import Event

import pytest
from eventsourcing.persistence import OperationalError

from app.event_store.application import Servicing
from app.privacy.master_keys import MasterKeyError
from app.runtime.bootstrap import Ingest, Process
from app.runtime.settings.settings import Settings

POSTGRESQL = Settings(event_store_url="postgresql://db.test/events")


def failing(stop: Event, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt to open a store raises ``error``; a wait after it finds ``stop`` set."""

    def from_url(*_args: object, **_kwargs: object) -> Servicing:
        stop.set()
        raise error

    monkeypatch.setattr(Servicing, "from_url", from_url)


def test_a_wrong_master_key_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Event()
    failing(stop, MasterKeyError("BILLIE_MASTER_KEY is not the master key"), monkeypatch)
    with pytest.raises(MasterKeyError):
        Ingest(Process(POSTGRESQL, stop)).run()


def test_a_role_waits_for_an_unavailable_server(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Event()
    failing(stop, OperationalError("refused"), monkeypatch)
    Ingest(Process(POSTGRESQL, stop)).run()
    assert stop.is_set()
