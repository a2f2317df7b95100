"""Brings messages into the event store: a batch in one transaction, a bad one alone."""

import random
from collections.abc import Sequence
from threading import Event as Flag

from eventsourcing.persistence import PersistenceError, RecordConflictError

from app.aggregates.base import Key
from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.catalogue import Message
from app.ingestion.messages.rejection import Unusable

_CONFLICTS_IN_A_ROW = 20


class Landing:
    """A batch on its way into the event store, and what became of its messages.

    Made, it has applied them to aggregates in memory; :meth:`finish` stores what they led to, and may
    run in another thread: until it returns, nobody else may use the application. Both raise one of
    EVENT_STORE_ERRORS where the store failed: then nothing landed that is not stored. A message that
    fails on its own is left out, and the others land without it. ``position`` is that of the batch's
    last event, if it led to any; ``crowded``, that other processes want to land theirs.
    """

    def __init__(self, servicing: Servicing, messages: Sequence[Message]) -> None:
        self.landed: list[Message] = []
        self.unusable: list[tuple[Message, Unusable]] = []
        self.failed: list[tuple[Message, Exception]] = []
        self.position: int | None = None
        self._servicing = servicing
        self._unit = servicing.unit_of_work()
        self._applied = list(messages)
        self.crowded = bool(messages) and servicing.take_turn()
        try:
            self._apply()
        except BaseException:
            servicing.end_turn()
            raise

    def finish(self, stop: Flag) -> None:
        """Store the events: in one transaction, or in as many as it takes to leave out a bad one."""
        try:
            self._finish(stop)
        finally:
            self._servicing.end_turn()

    def _finish(self, stop: Flag) -> None:
        conflicts = 0
        while self._applied:
            try:
                position = self._unit.commit()
            except RecordConflictError as conflict:
                # Another process saved one of these aggregates first: load them anew.
                conflicts += 1
                if conflicts > _CONFLICTS_IN_A_ROW:
                    raise PersistenceError(*conflict.args) from conflict
                stop.wait(random.uniform(0, 0.002 * 2 ** min(conflicts, 8)))
                self._servicing.catch_up()
                self._apply()
            except EVENT_STORE_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - an event that cannot be stored
                self._finish_in_parts(error, stop)
            else:
                self.landed += self._applied
                self.position = position or self.position
                self._applied = []

    def _apply(self) -> None:
        """Apply the messages, each aggregate's in order, and leave out those that fail."""
        self._unit.expect({key for message in self._applied for key in message.concerns()})
        failed: set[int] = set()
        places: Sequence[int] = range(len(self._applied))
        while places:
            places = self._apply_once(places, failed)
        if failed:
            self._applied = [each for place, each in enumerate(self._applied) if place not in failed]

    def _apply_once(self, places: Sequence[int], failed: set[int]) -> list[int]:
        """Apply the messages at these places. Returns those that must be applied in another pass.

        One that fails may have changed its aggregates halfway: they are dropped, what was applied to them
        before is applied again, and what follows on any of them waits for that, so that the order stays.
        """
        again: set[int] = set()
        waited_for: set[Key] = set()
        for place in places:
            message = self._applied[place]
            if waited_for and not waited_for.isdisjoint(keys := message.concerns()):
                waited_for.update(keys)
                again.add(place)
            elif not self._apply_one(message):
                failed.add(place)
                keys = (*message.concerns(), *self._unit.touched)
                self._unit.drop(keys)
                waited_for.update(keys)
                again.update(
                    before
                    for before in range(place)
                    if before not in failed and not waited_for.isdisjoint(self._applied[before].concerns())
                )
        return sorted(again)

    def _apply_one(self, message: Message) -> bool:
        """Whether it went well. A store that fails is no fault of the message: its error is raised."""
        self._unit.touched.clear()
        try:
            message.apply(self._unit)
        except EVENT_STORE_ERRORS:
            self._unit.discard()
            raise
        except Unusable as why:
            self.unusable.append((message, why))
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this message's own
            self.failed.append((message, error))
            return False
        return True

    def _finish_in_parts(self, error: Exception, stop: Flag) -> None:
        messages, self._applied = self._applied, []
        if len(messages) == 1:
            self.failed.append((messages[0], error))
            return
        half = len(messages) // 2
        for part in (messages[:half], messages[half:]):
            landing = Landing(self._servicing, part)
            landing.finish(stop)
            self.landed += landing.landed
            self.unusable += landing.unusable
            self.failed += landing.failed
            self.position = landing.position or self.position


def land(servicing: Servicing, messages: Sequence[Message], stop: Flag) -> Landing:
    """Apply messages in order, and store what they led to."""
    landing = Landing(servicing, messages)
    landing.finish(stop)
    return landing
