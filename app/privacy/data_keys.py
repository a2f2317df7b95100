"""The data keys of aggregates, at hand: one an aggregate, made when it is first told something personal."""

import os
from collections.abc import Collection, Iterable
from threading import Lock
from time import monotonic
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.persistence import MapperDeserialisationError

from app.privacy.key_tables import KeyTables, StoredKey
from app.privacy.master_keys import KEY_BYTES, MasterKeys

_AT_HAND = 20_000
"""Data keys in memory, of a kilobyte or less each."""
_LOOK_AGAIN_S = 1.0


class MissingKeyError(MapperDeserialisationError):
    """An event is sealed with a data key that is not there, and was not destroyed by an erasure."""


class DataKeys:
    """The keys of one store. Threads may share it.

    A key that an erasure destroyed is forgotten within a second, whichever process erased. Who writes does
    not depend on that: the store takes nothing from a writer that does not know of all erasures.
    """

    def __init__(self, tables: KeyTables, masters: MasterKeys) -> None:
        """Raises MasterKeyError where the store's keys are wrapped by another master key."""
        self.tables = tables
        self.masters = masters
        self.erased: dict[UUID, str] = {}
        """Whose keys were destroyed, and the customer who was erased with them."""
        self.seen = 0
        """How many tombstones are known."""
        self._ciphers: dict[UUID, AESGCM] = {}
        self._changing = Lock()
        self._looked_at = 0.0
        masters.check(tables.masters())
        self.look()

    def look(self) -> None:
        """Learn what was erased, and forget those keys."""
        with self._changing:
            for number, originator_id, customer_id in self.tables.erased_after(self.seen):
                self.erased[originator_id] = customer_id
                self._ciphers.pop(originator_id, None)
                self.seen = number
            self._looked_at = monotonic()

    def at_hand(self, originator_ids: Collection[UUID]) -> None:
        """Load what is not at hand in one query: only a matter of speed."""
        self._look_if_due()
        if missing := [each for each in originator_ids if self._is_unknown(each)]:
            self._load(missing)

    def of(self, originator_id: UUID) -> AESGCM | None:
        """The key of an aggregate; None where it was destroyed. Raises MissingKeyError, MasterKeyError."""
        self._look_if_due()
        if (cipher := self._ciphers.get(originator_id)) is not None:
            return cipher
        if originator_id in self.erased:
            return None
        if (cipher := self._load([originator_id]).get(originator_id)) is not None:
            return cipher
        self.look()
        if originator_id in self.erased:
            return None
        msg = f"there is no data key of {originator_id}, and no erasure destroyed it"
        raise MissingKeyError(msg)

    def to_write(self, originator_ids: Iterable[UUID]) -> tuple[dict[UUID, AESGCM], list[StoredKey]]:
        """The keys of aggregates; and those of them that are new, to be stored with what they seal."""
        wanted = list(originator_ids)
        found = {each: cipher for each in wanted if (cipher := self._ciphers.get(each)) is not None}
        if missing := [each for each in wanted if each not in found]:
            found |= self._load(missing)
        new = []
        for originator_id in missing:
            if originator_id not in found:
                key = os.urandom(KEY_BYTES)
                found[originator_id] = AESGCM(key)
                new.append(
                    StoredKey(originator_id, self.masters.wrap(originator_id, key), self.masters.current)
                )
        return found, new

    def keep(self, ciphers: dict[UUID, AESGCM]) -> None:
        """Keep keys at hand that are stored now."""
        with self._changing:
            self._ciphers |= {each: ciphers[each] for each in ciphers if each not in self.erased}
            for each in list(self._ciphers)[: max(0, len(self._ciphers) - _AT_HAND)]:
                del self._ciphers[each]

    def _load(self, originator_ids: list[UUID]) -> dict[UUID, AESGCM]:
        loaded = {
            each.originator_id: AESGCM(self.masters.unwrap(each.originator_id, each.wrapped, each.master))
            for each in self.tables.keys_of(originator_ids)
        }
        self.keep(loaded)
        return loaded

    def _is_unknown(self, originator_id: UUID) -> bool:
        return originator_id not in self._ciphers and originator_id not in self.erased

    def _look_if_due(self) -> None:
        if monotonic() - self._looked_at > _LOOK_AGAIN_S:
            self.look()
