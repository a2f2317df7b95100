"""Which ledger commands are open, read from the event store and followed from then on."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from eventsourcing.utils import get_topic

from app.aggregates import LedgerCommand
from app.aggregates.base import Aggregate
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.runtime.observability.logging import where

log = logging.getLogger(__name__)

_PAGE = 1_000
_OPENS = (LedgerCommand.Requested, LedgerCommand.Approved, LedgerCommand.OutcomeUnknown)
_SETTLES = (LedgerCommand.Posted, LedgerCommand.Rejected, LedgerCommand.Refused, LedgerCommand.SettledByHand)


class OpenCommand(NamedTuple):
    """A command that was sent, or should have been, ``since`` a time of the recording machine's clock."""

    command_id: str
    since: datetime
    is_unknown: bool


class OpenCommands:
    """Follows the store. One thread at a time may use it."""

    def __init__(self, servicing: Callable[[], Servicing]) -> None:
        """``servicing`` gives the event store, or raises one of EVENT_STORE_ERRORS."""
        self._servicing = servicing
        self._position = 0
        self._open: dict[str, OpenCommand] = {}
        self._topics = [get_topic(each) for each in (*_OPENS, *_SETTLES)]

    def look(self) -> list[OpenCommand]:
        """Those that are open now, without those that await approval. Raises one of EVENT_STORE_ERRORS."""
        servicing = self._servicing()
        newest = servicing.max_position()
        while True:
            found = servicing.recorder.select_notifications(
                self._position, _PAGE, newest, self._topics, inclusive_of_start=False
            )
            servicing.privacy.keys.preload({cast("UUID", stored.originator_id) for stored in found})
            for stored in found:
                try:
                    event: Any = servicing.mapper.to_domain_event(stored)
                except EVENT_STORE_ERRORS:
                    raise  # The keys could not be read: the next look tries again.
                except Exception as error:  # noqa: BLE001 - the others are settled all the same
                    about = {"position": stored.id}
                    log.error(
                        "The event at position %d cannot be read: %s", stored.id, where(error), extra=about
                    )
                else:
                    self._take(event)
            if len(found) < _PAGE:
                self._position = newest
                return list(self._open.values())
            self._position = found[-1].id

    def _take(self, event: Aggregate.Event) -> None:
        name = event.business_id
        if isinstance(event, _SETTLES):
            self._open.pop(name, None)
        elif isinstance(event, LedgerCommand.OutcomeUnknown):
            known = self._open.get(name)
            self._open[name] = OpenCommand(name, known.since if known else event.timestamp, is_unknown=True)
        elif isinstance(event, LedgerCommand.Approved) or not getattr(event, "needs_approval", None):
            self._open[name] = OpenCommand(name, event.timestamp, is_unknown=False)
