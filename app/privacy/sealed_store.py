"""What goes into the store beside events, so that their personal facts can be opened, and erased."""

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.application import Application
from eventsourcing.persistence import ApplicationRecorder

from app.aggregates.base import RememberingAggregate
from app.aggregates.personal import tells_personal
from app.aggregates.source import Source
from app.event_store.recorders import PostgresBatchRecorder, SQLiteBatchRecorder
from app.privacy.data_keys import DataKeys
from app.privacy.key_databases import MemoryKeys, PostgresKeys, SQLiteKeys, postgres_execute, sqlite_execute
from app.privacy.key_tables import Beside, Execute, KeyTables, Link
from app.privacy.master_keys import MasterKeys


class Prepared(NamedTuple):
    """What a save takes: the keys to seal with, and what to write beside the events."""

    ciphers: dict[UUID, AESGCM]
    beside: Beside


class Privacy:
    """The keys of one store, and its links."""

    def __init__(self, application: Application[UUID], masters: MasterKeys) -> None:
        """Raises MasterKeyError where the store's keys are wrapped by another master key."""
        self._recorder = application.recorder
        self._memory: MemoryKeys | None = None
        database, self._execute = self._database_of(application.recorder)
        self.tables = KeyTables(database)
        self.keys = DataKeys(self.tables, masters)

    def close(self) -> None:
        """Let go of what a store in memory has."""
        if self._memory is not None:
            self._memory.close()

    def prepare(self, aggregates: Sequence[RememberingAggregate]) -> Prepared:
        """What the new events of aggregates take.

        An aggregate that they link to somebody who is erased is erased by one more event, in the same save;
        one that money waits for, in the save that settles it.
        """
        self.tables.create()
        self.keys.look()
        told = {aggregate.id: _links_told(aggregate) for aggregate in aggregates}
        beside = Beside(seen=self.keys.seen, links=[link for links in told.values() for link in links])
        beside.destroyed += self._erased_now(aggregates, told)
        sealing = [
            aggregate.id
            for aggregate in aggregates
            if aggregate.erased is None and any(tells_personal(event) for event in aggregate.pending_events)
        ]
        ciphers, beside.keys = self.keys.to_write(sealing)
        return Prepared(ciphers, beside)

    def _erased_now(
        self, aggregates: Sequence[RememberingAggregate], told: Mapping[UUID, list[Link]]
    ) -> Iterator[tuple[UUID, str]]:
        """Whose keys are to be destroyed, and with which customer. One may be of another one among these."""
        erased = ChainMap[UUID, str]({}, self.keys.erased)
        left = [each for each in aggregates if each.id not in erased]
        goes_on = True
        while goes_on:
            goes_on, waiting = False, left
            left = []
            for each in waiting:
                theirs = (*(link.owner for link in told[each.id]), *each.owners)
                owners = [owner for owner in theirs if owner in erased]
                if each.erased is None and owners and not each.is_unsettled:
                    each.erase(erasure_of(erased[owners[0]]), erased_with=erased[owners[0]])
                if each.erased is None:
                    left.append(each)
                else:
                    goes_on = True
                    erased[each.id] = each.erased.erased_with
                    yield each.id, each.erased.erased_with

    def write(self, beside: Beside) -> Callable[[Any], None]:
        """Writes it, by the connection of a transaction."""
        return lambda connection: self.tables.write(self._execute(connection), beside)

    def stored(self, prepared: Prepared) -> None:
        """It is stored: keep the keys at hand, and forget those that were destroyed."""
        if prepared.beside.destroyed:
            self.keys.look()
        self.keys.keep(prepared.ciphers)

    def _database_of(self, recorder: ApplicationRecorder) -> tuple[Any, Callable[[Any], Execute]]:
        if isinstance(recorder, SQLiteBatchRecorder):
            return SQLiteKeys(recorder), sqlite_execute
        if isinstance(recorder, PostgresBatchRecorder):
            return PostgresKeys(recorder), postgres_execute
        self._memory = MemoryKeys()
        return self._memory, sqlite_execute

    def in_memory(self, beside: Beside, insert: Callable[[], Sequence[int] | None]) -> Sequence[int] | None:
        """For a store in memory: the same, as near to one transaction as it has."""
        assert self._memory is not None
        with self._memory.transaction(commit=True) as execute:
            self.tables.write(execute, beside)
            return insert()


def _links_told(aggregate: RememberingAggregate) -> list[Link]:
    if not aggregate.OWNED_BY:
        return []
    kind = type(aggregate).__name__
    return [
        Link(owner, kind, aggregate.business_id)
        for event in aggregate.pending_events
        for owner in aggregate.owners_told(event)  # type: ignore[arg-type]
    ]


def erasure_of(customer_id: str) -> Source:
    """The message that an erasure counts as: one a customer."""
    return Source.said_now(f"erasure:{customer_id}")
