"""Reads events as they are stored: by position, or by aggregate."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import Mapper, StoredEvent, Transcoder
from eventsourcing.utils import strtobool

from app.aggregates.base import Key
from app.event_store.recorders import BatchRecorder, Mark, Recorded
from app.event_store.transcoder import EventTranscoder, SealingMapper
from app.privacy.master_keys import MasterKeys
from app.privacy.saving import Privacy
from app.privacy.sealing import MARK


class StoredEvents(Application[UUID]):
    """An event store to read from. ``privacy`` has the keys that open what is sealed."""

    name = "servicing"
    mapper: SealingMapper

    def __init__(self, env: dict[str, str], masters: MasterKeys) -> None:
        """Raises MasterKeyError if other master keys wrap the store's data keys."""
        super().__init__(env)
        self.batches = cast("BatchRecorder", self.recorder)
        try:
            create = strtobool(self.env.get("CREATE_TABLE") or "yes")
            self.privacy = Privacy(self.recorder, masters, create=create)
        except BaseException:
            super().close()
            raise
        self.mapper.keys = self.privacy.keys

    def construct_transcoder(self) -> Transcoder:
        return EventTranscoder()

    def construct_mapper(self) -> Mapper[UUID]:
        return SealingMapper(self.construct_transcoder())

    def max_position(self) -> int:
        """The position of the newest stored event; 0 if there is none."""
        return self.recorder.max_notification_id() or 0

    def mark(self, position: int) -> Mark | None:
        """Identifies the last event up to a position: another store has another one there."""
        return self.batches.select_mark(position)

    def page(self, after: int, up_to: int, most: int, but: Sequence[str] = ()) -> list[Recorded]:
        """The first ``most`` events after a position, none beyond ``up_to``, or PAGE_BYTES of them.

        Events of the topics ``but`` are passed over.
        """
        return self.batches.select_page(after, up_to, most, but)

    def recorded_of(self, keys: Collection[Key]) -> list[Recorded]:
        """All events of some aggregates, in the order of their positions."""
        return self.batches.select_of(list({kind.id_of(business_id) for kind, business_id in keys}))

    def history_page(self, key: Key, after: int, most: int) -> list[Recorded]:
        """The first ``most`` events of an aggregate after a version, or PAGE_BYTES of them."""
        kind, business_id = key
        return self.batches.select_history(kind.id_of(business_id), after, most)

    def position_of(self, key: Key, version: int) -> int:
        """The position of an event of an aggregate."""
        return self.history_page(key, version - 1, 1)[0].position

    def event_of(self, row: Recorded) -> Any:
        """A stored event as an event. Raises as :meth:`SealingMapper.to_domain_event`."""
        return self.mapper.to_domain_event(StoredEvent(*row[1:]))

    def preload_keys(self, rows: Iterable[Recorded]) -> None:
        """Load in one query the keys that open these events."""
        if sealed := {row.originator_id for row in rows if MARK in row.state}:
            self.privacy.keys.preload(sealed)
