"""Reads events as they are stored: by position, by aggregate; none of it makes an aggregate."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import Notification, StoredEvent

from app.aggregates.base import Key
from app.event_store.recorders import BatchRecorder, Mark, Recorded, Row
from app.privacy.sealed_store import Privacy
from app.privacy.sealing import may_be_sealed


class StoredEvents(Application[UUID]):
    """An event store to read from; what is sealed is opened with the keys of ``privacy``."""

    privacy: Privacy

    def max_position(self) -> int:
        """The position of the newest stored event; 0 where there is none."""
        return self.recorder.max_notification_id() or 0

    def mark(self, position: int) -> Mark | None:
        """What tells the last event up to a position from the one that another store has there."""
        if isinstance(self.recorder, BatchRecorder):
            return self.recorder.select_mark(position)
        found = self.recorder.select_notifications(position, 1) if position else []
        return Mark(cast("UUID", found[0].originator_id), found[0].originator_version) if found else None

    def page(self, after: int, up_to: int, most: int, but: Sequence[str] = ()) -> list[Recorded]:
        """The first ``most`` events after a position, and none beyond ``up_to``, as they are stored.

        PAGE_BYTES of them are enough. Those of the topics ``but`` are passed over.
        """
        if isinstance(self.recorder, BatchRecorder):
            return self.recorder.select_page(after, up_to, most, but)
        found = self.recorder.select_notifications(after, up_to - after, up_to, inclusive_of_start=False)
        return [_recorded(each) for each in found if each.topic not in but][:most]

    def recorded_of(self, keys: Collection[Key]) -> list[Recorded]:
        """All events of some aggregates, in order of their positions."""
        return self.recorded_of_ids([kind.id_of(business_id) for kind, business_id in keys])

    def recorded_of_ids(self, originator_ids: Collection[UUID]) -> list[Recorded]:
        """The same, by their ids."""
        ids = set(originator_ids)
        if isinstance(self.recorder, BatchRecorder):
            return self.recorder.select_recorded_of(list(ids))
        found = self.recorder.select_notifications(None, self.max_position())
        return [_recorded(each) for each in found if each.originator_id in ids]

    def history_page(self, key: Key, after: int, most: int) -> list[Recorded]:
        """The first ``most`` events of an aggregate after a version. PAGE_BYTES of them are enough."""
        kind, business_id = key
        if isinstance(self.recorder, BatchRecorder):
            return self.recorder.select_history(kind.id_of(business_id), after, most)
        return [each for each in self.recorded_of([key]) if each.originator_version > after][:most]

    def event_of(self, row: Recorded) -> Any:
        """A stored event as an event. Raises as :meth:`CompactMapper.to_domain_event`."""
        return self.mapper.to_domain_event(StoredEvent(*row[1:]))

    def open_together(self, rows: Iterable[Recorded]) -> None:
        """Have the keys at hand that these take: only a matter of speed."""
        self.privacy.keys.at_hand({row.originator_id for row in rows if may_be_sealed(row.state)})

    def rows(self, after: int, up_to: int) -> list[Row]:
        """The events after a position and up to another, as a cache follows them."""
        if isinstance(self.recorder, BatchRecorder):
            return self.recorder.select_rows(after, up_to)
        found = self.recorder.select_notifications(after, up_to - after, up_to, inclusive_of_start=False)
        return [
            (cast("UUID", each.originator_id).hex, each.originator_version, each.topic, each.state)
            for each in found
        ]


def _recorded(notification: Notification) -> Recorded:
    return Recorded(
        notification.id,
        cast("UUID", notification.originator_id),
        notification.originator_version,
        notification.topic,
        notification.state,
    )
