"""The master key: it wraps the data keys, and is never stored."""

import os
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.persistence import PersistenceError

from app.errors import ConfigurationError

KEY_BYTES = 32
UNWRAPPED = ""
"""The master key's name if there is none: the data key is stored as it is."""
_NONCE = 12


class MasterKeyError(PersistenceError, ConfigurationError):
    """The master keys that are set do not open the store's data keys: says what to set."""


class MasterKeys:
    """The master key that wraps, and the previous one, which only unwraps."""

    def __init__(self, current: bytes | None = None, previous: bytes | None = None) -> None:
        """KEY_BYTES bytes each. Without ``current``, data keys are stored as they are."""
        self.current = UNWRAPPED if current is None else _name(current)
        self._ciphers = {_name(key): AESGCM(key) for key in (current, previous) if key is not None}

    def wrap(self, originator_id: UUID, key: bytes) -> bytes:
        """The data key of an aggregate as it is stored."""
        if (cipher := self._ciphers.get(self.current)) is None:
            return key
        nonce = os.urandom(_NONCE)
        return nonce + cipher.encrypt(nonce, key, originator_id.bytes)

    def unwrap(self, originator_id: UUID, wrapped: bytes, master: str) -> bytes:
        """The data key of an aggregate. Raises MasterKeyError."""
        if master == UNWRAPPED:
            return wrapped
        if (cipher := self._ciphers.get(master)) is None:
            raise MasterKeyError(_wrong([master]))
        try:
            return cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], originator_id.bytes)
        except InvalidTag as error:
            msg = f"The data key of {originator_id} was changed since it was stored"
            raise MasterKeyError(msg) from error

    def check(self, masters: Sequence[str]) -> None:
        """Raises MasterKeyError if other master keys than these wrap data keys."""
        if unknown := [each for each in masters if each != UNWRAPPED and each not in self._ciphers]:
            raise MasterKeyError(_wrong(unknown, none_is_set=not self._ciphers))


def _name(key: bytes) -> str:
    """A name that identifies a key without revealing it."""
    return sha256(b"billie master key\0" + key).hexdigest()[:16]


def _wrong(masters: Sequence[str], *, none_is_set: bool = False) -> str:
    which = ", ".join(masters)
    if none_is_set:
        return f"The event store's data keys are wrapped by the master key {which}: set BILLIE_MASTER_KEY"
    return (
        f"BILLIE_MASTER_KEY is not the master key {which} that data keys of the event store are wrapped by: "
        "set that one, or set it as BILLIE_MASTER_KEY_PREVIOUS beside a new one"
    )
