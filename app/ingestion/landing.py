"""Brings messages into the event store: a batch in one transaction, a bad one alone."""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event as Flag

from eventsourcing.persistence import PersistenceError, RecordConflictError

from app.aggregates import EVENT_STORE_ERRORS, Servicing
from app.ingestion.catalogue import Message
from app.ingestion.unusable import Unusable

log = logging.getLogger(__name__)

_CONFLICTS_IN_A_ROW = 20


@dataclass
class Landing:
    """What became of a batch. ``position`` is that of its last event, if it led to any."""

    landed: list[Message] = field(default_factory=list)
    unusable: list[tuple[Message, Unusable]] = field(default_factory=list)
    failed: list[tuple[Message, Exception]] = field(default_factory=list)
    position: int | None = None


def land(servicing: Servicing, messages: Sequence[Message], stop: Flag) -> Landing:
    """Apply messages in order, and save what they led to.

    A message that fails on its own is left out, and the others land without it. Raises
    one of EVENT_STORE_ERRORS where the store failed: then nothing landed that is not stored.
    """
    landing = Landing()
    _land(servicing, list(messages), landing, stop)
    return landing


def _land(servicing: Servicing, messages: list[Message], landing: Landing, stop: Flag) -> None:
    conflicts = 0
    while messages:
        unit = servicing.unit_of_work()
        unit.expect({key for message in messages for key in message.concerns()})
        for message in messages:
            try:
                message.apply(unit)
            except EVENT_STORE_ERRORS:
                unit.discard()
                raise
            except Unusable as why:
                landing.unusable.append((message, why))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this message's own
                landing.failed.append((message, error))
            else:
                continue
            unit.discard()
            messages = [other for other in messages if other is not message]
            break
        else:
            try:
                position = unit.commit()
            except RecordConflictError as conflict:
                # Another consumer saved one of these aggregates first: load them anew.
                conflicts += 1
                if conflicts > _CONFLICTS_IN_A_ROW:
                    raise PersistenceError(*conflict.args) from conflict
                stop.wait(random.uniform(0, 0.002 * 2 ** min(conflicts, 8)))
                continue
            except EVENT_STORE_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - an event that cannot be stored
                if len(messages) == 1:
                    landing.failed.append((messages[0], error))
                else:
                    half = len(messages) // 2
                    _land(servicing, messages[:half], landing, stop)
                    _land(servicing, messages[half:], landing, stop)
                return
            landing.landed += messages
            landing.position = position or landing.position
            return
