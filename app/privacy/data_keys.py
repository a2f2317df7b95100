"""The data keys of aggregates: one each, made when it first holds something personal."""

import os
from collections.abc import Collection, Iterable
from threading import Lock
from time import monotonic
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.persistence import MapperDeserialisationError

from app.privacy.key_tables import KeyTables, StoredKey
from app.privacy.master_keys import KEY_BYTES, MasterKeys

_CACHED = 20_000
"""Data keys in memory, of a kilobyte or less each."""
_REFRESH_EVERY_S = 1.0


class MissingKeyError(MapperDeserialisationError):
    """An event is sealed with a data key that is missing, and that no erasure destroyed."""


class DataKeys:
    """The keys of one store. Threads may share it.

    A key that any process destroys is forgotten within a second. Writing does not depend on that: the store
    takes nothing personal from a writer that does not know of all erasures.
    """

    def __init__(self, tables: KeyTables, masters: MasterKeys) -> None:
        """Raises MasterKeyError if another master key wraps the store's keys."""
        self.tables = tables
        self.masters = masters
        self.erased: dict[UUID, str] = {}
        """Whose keys were destroyed, and the customer each was erased with."""
        self.tombstones = 0
        """How many tombstones are known."""
        self._ciphers: dict[UUID, AESGCM] = {}
        self._changing = Lock()
        self._refreshed_at = 0.0
        masters.check(tables.masters())
        self.refresh()

    def refresh(self) -> None:
        """Read the new tombstones, and forget those keys."""
        with self._changing:
            for number, originator_id, customer_id in self.tables.erased_after(self.tombstones):
                self.erased[originator_id] = customer_id
                self._ciphers.pop(originator_id, None)
                self.tombstones = number
            self._refreshed_at = monotonic()

    def preload(self, originator_ids: Collection[UUID]) -> None:
        """Load in one query the keys that are about to be used."""
        self._refresh_if_due()
        if missing := [
            each for each in originator_ids if each not in self._ciphers and each not in self.erased
        ]:
            self._load(missing)

    def of(self, originator_id: UUID) -> AESGCM | None:
        """The key of an aggregate; None if it was destroyed. Raises MissingKeyError, MasterKeyError."""
        self._refresh_if_due()
        if (cipher := self._ciphers.get(originator_id)) is not None:
            return cipher
        if originator_id not in self.erased:
            if (cipher := self._load([originator_id]).get(originator_id)) is not None:
                return cipher
            self.refresh()
        if originator_id in self.erased:
            return None
        raise MissingKeyError(f"there is no data key of {originator_id}, and no erasure destroyed it")

    def to_write(self, originator_ids: Iterable[UUID]) -> tuple[dict[UUID, AESGCM], list[StoredKey]]:
        """The keys of aggregates; and the new ones among them, to be stored with what they seal."""
        wanted = list(originator_ids)
        found = {each: cipher for each in wanted if (cipher := self._ciphers.get(each)) is not None}
        missing = [each for each in wanted if each not in found]
        found |= self._load(missing)
        new = []
        for originator_id in missing:
            if originator_id not in found:
                key = os.urandom(KEY_BYTES)
                found[originator_id] = AESGCM(key)
                wrapped = self.masters.wrap(originator_id, key)
                new.append(StoredKey(originator_id, wrapped, self.masters.current))
        return found, new

    def keep(self, ciphers: dict[UUID, AESGCM]) -> None:
        """Keep stored keys in memory."""
        with self._changing:
            self._ciphers |= {each: ciphers[each] for each in ciphers if each not in self.erased}
            for each in list(self._ciphers)[: max(0, len(self._ciphers) - _CACHED)]:
                del self._ciphers[each]

    def _load(self, originator_ids: list[UUID]) -> dict[UUID, AESGCM]:
        loaded = {
            each.originator_id: AESGCM(self.masters.unwrap(each.originator_id, each.wrapped, each.master))
            for each in (self.tables.keys_of(originator_ids) if originator_ids else ())
        }
        self.keep(loaded)
        return loaded

    def _refresh_if_due(self) -> None:
        if monotonic() - self._refreshed_at > _REFRESH_EVERY_S:
            self.refresh()
