"""Applies messages to aggregates and stores the events: a batch in one transaction, a bad message alone."""

import random
from collections.abc import Iterable, Sequence
from threading import Event as Flag

from eventsourcing.persistence import PersistenceError, RecordConflictError

from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.catalogue import Message
from app.ingestion.messages.rejection import RejectedError

_CONFLICTS_IN_A_ROW = 20


class AppliedBatch:
    """Messages applied to aggregates in memory; :meth:`store` stores their events.

    ``store`` may run in another thread: until it returns, nobody else may use the application. Both steps
    raise one of EVENT_STORE_ERRORS if the store fails: then ``stored`` has exactly what is stored. A message
    that fails on its own is left out: those before it are stored, then those after it. ``position`` is that
    of the last event, if there was any; ``crowded`` means that other processes want to apply their batches.
    """

    def __init__(self, servicing: Servicing, messages: Sequence[Message]) -> None:
        self.stored: list[Message] = []
        self.rejected: list[tuple[Message, RejectedError]] = []
        self.failed: list[tuple[Message, Exception]] = []
        self.position: int | None = None
        self._servicing = servicing
        self._unit = servicing.unit_of_work()
        self._messages, self._later = list(messages), list[Message]()
        self.crowded = bool(messages) and servicing.acquire_writer_lock()
        try:
            self._expect(self._messages)
            self._apply()
        except BaseException:
            servicing.release_writer_lock()
            raise

    def store(self, stop: Flag) -> None:
        """Store the events: in one transaction, or in as many as it takes to leave out bad messages."""
        try:
            self._store(stop)
            while self._later:
                self._messages, self._later = self._later, []
                self._apply()
                self._store(stop)
        finally:
            self._servicing.release_writer_lock()

    def _apply(self) -> None:
        """Apply the messages, in order, up to one that fails; those after it come later.

        It may have changed aggregates halfway: all is dropped, and what was before it is applied again.
        """
        for place, message in enumerate(self._messages):
            if not self._apply_one(message):
                self._unit.drop()
                self._later = [*self._messages[place + 1 :], *self._later]
                self._messages = self._messages[:place]
                self._expect(self._messages)
                self._apply()
                return

    def _expect(self, messages: Iterable[Message]) -> None:
        self._unit.expect({key for message in messages for key in message.concerns()})

    def _apply_one(self, message: Message) -> bool:
        """Whether it succeeded. A failing store is not the message's fault: its error is raised."""
        try:
            message.apply(self._unit)
        except EVENT_STORE_ERRORS:
            self._unit.discard()
            raise
        except Exception as error:  # noqa: BLE001 - only this message fails
            self._leave_out(message, error)
            return False
        return True

    def _leave_out(self, message: Message, error: Exception) -> None:
        if isinstance(error, RejectedError):
            self.rejected.append((message, error))
        else:
            self.failed.append((message, error))

    def _store(self, stop: Flag) -> None:
        conflicts = 0
        while self._messages:
            try:
                position = self._unit.commit()
            except RecordConflictError as conflict:
                # Another process saved one of these aggregates first: load them again.
                conflicts += 1
                if conflicts > _CONFLICTS_IN_A_ROW:
                    raise PersistenceError(*conflict.args) from conflict
                stop.wait(random.uniform(0, 0.002 * 2 ** min(conflicts, 8)))
                self._servicing.catch_up()
                self._expect([*self._messages, *self._later])
                self._apply()
            except EVENT_STORE_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - an event that cannot be stored
                self._store_in_halves(error, stop)
            else:
                self.stored += self._messages
                self.position = position or self.position
                self._messages = []

    def _store_in_halves(self, error: Exception, stop: Flag) -> None:
        messages, self._messages = self._messages, []
        if len(messages) == 1:
            self._leave_out(messages[0], error)
            return
        middle = len(messages) // 2
        for half in (messages[:middle], messages[middle:]):
            part = apply_messages(self._servicing, half, stop)
            self.stored += part.stored
            self.rejected += part.rejected
            self.failed += part.failed
            self.position = part.position or self.position


def apply_messages(servicing: Servicing, messages: Sequence[Message], stop: Flag) -> AppliedBatch:
    """Apply messages in order, and store their events."""
    applied = AppliedBatch(servicing, messages)
    applied.store(stop)
    return applied
