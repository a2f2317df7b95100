"""The event store of a role that starts: a server that is away then is waited for, as it is later."""

from threading import Event as Flag

from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.privacy.master_keys import MasterKeyError
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.servers.back_off import BackOff
from app.runtime.settings.settings import Settings


def open_store(
    settings: Settings, stop: Flag, *, patient: bool, heartbeats: Heartbeats | None = None, cache: int = 0
) -> Servicing | None:
    """The store; None where ``stop`` was set before it was there.

    ``patient``: wait for a server. A file is not waited for: nothing but a person makes it better. Raises
    one of EVENT_STORE_ERRORS otherwise, and at once what :meth:`Servicing.from_url` raises for what is set
    wrongly: MasterKeyError is one of both.
    """
    back_off = BackOff(stop)
    while not stop.is_set():
        try:
            return Servicing.of(settings, cache)
        except MasterKeyError:
            raise  # Only a person can set the right one.
        except EVENT_STORE_ERRORS as error:
            if not patient or settings.event_store_url.startswith("sqlite"):
                raise
            if heartbeats is not None:
                heartbeats.beat_all(well=False)
            back_off.failed(error)
    return None
