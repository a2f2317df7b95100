"""How events become bytes: compact JSON, with personal facts sealed."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, cast
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    Mapper,
    MapperDeserialisationError,
    PersistenceError,
    StoredEvent,
    Transcoder,
)
from eventsourcing.utils import get_topic, resolve_topic

from app.aggregates.personal import ERASED, IS_ERASED, put_back, take_out
from app.event_store.recorder import Recorded
from app.privacy.data_keys import DataKeys, MissingKeyError
from app.privacy.sealing import SEALED, about, emptied, opened, sealed, split

# A message may hold any JSON object, so a tag must be a key that no message can have: ingestion lets
# no NUL character through.
_TIME = "\x00t"
_DECIMAL = "\x00d"
_TAG = b'{"\\u0000'
"""What an event with a tag contains."""
NO_CIPHERS: Mapping[UUID, AESGCM] = MappingProxyType({})
_TIMES = ("timestamp", "received_at", "upstream_time")
"""Fields of every event: they need no tag, which would cost a third."""


class EventTranscoder(Transcoder):
    """JSON by orjson; a time is ``{"\\0t": ISO 8601}``, an amount ``{"\\0d": decimal string}``.

    The times that every event has are plain ISO 8601.
    """

    def encode(self, obj: Any) -> bytes:
        return _encoded(dict(obj))

    def decode(self, data: bytes) -> Any:
        state = orjson.loads(data)
        if _TAG in data:
            for name, value in state.items():
                if type(value) is dict or type(value) is list:
                    state[name] = _untag(value)
        for name in _TIMES:
            if type(time := state.get(name)) is str:
                state[name] = datetime.fromisoformat(time)
        return state


def _encoded(state: dict[str, Any]) -> bytes:
    """The state as bytes; spoils it."""
    for name in _TIMES:
        if (time := state.get(name)) is not None:
            state[name] = orjson.Fragment(orjson.dumps(time))
    return orjson.dumps(state, default=_tag, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _tag(value: Any) -> Any:
    if isinstance(value, datetime):
        return {_TIME: orjson.Fragment(orjson.dumps(value))}
    if isinstance(value, Decimal):
        return {_DECIMAL: str(value)}
    raise TypeError(f"An event cannot hold a {type(value).__name__}: use text, numbers, Decimal or datetime.")


def _untag(value: Any) -> Any:
    if type(value) is list:
        return [_untag(item) if type(item) in (dict, list) else item for item in value]
    if len(value) == 1:
        if (time := value.get(_TIME)) is not None:
            return datetime.fromisoformat(time)
        if (amount := value.get(_DECIMAL)) is not None:
            return Decimal(amount)
    return {key: _untag(item) if type(item) in (dict, list) else item for key, item in value.items()}


class SealingMapper(Mapper[UUID]):
    """Seals the personal facts of an event with its aggregate's key; those of an erased one are ERASED.

    Leaves out fields that are None where that is the event class's default.
    """

    keys: DataKeys
    """Opens what is sealed."""

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """As :meth:`seal`, without keys."""
        return self.seal(domain_event)

    def seal(
        self,
        domain_event: DomainEventProtocol[UUID],
        ciphers: Mapping[UUID, AESGCM] = NO_CIPHERS,
        *,
        is_erased: bool = False,
    ) -> StoredEvent:
        """The event as it is stored: its personal facts sealed, or dropped if its aggregate is erased.

        Raises LookupError for personal facts without a key.
        """
        event_class: Any = type(domain_event)
        topic = get_topic(event_class)
        state = vars(domain_event).copy()
        originator_id = state.pop("originator_id")
        originator_version = state.pop("originator_version")
        state.pop(IS_ERASED, None)
        names, facts = take_out(event_class, state) if event_class.PERSONAL else ([], {})
        if names and (is_erased or not facts):
            state[SEALED] = emptied(names)
        elif names:
            bound = about(originator_id, originator_version, topic)
            state[SEALED] = sealed(list(facts), _encoded(facts), ciphers[originator_id], bound)
        if None in state.values():
            for name in _optional(event_class):
                if state.get(name, ...) is None:
                    del state[name]
        return StoredEvent(originator_id, originator_version, topic, _encoded(state))

    def to_domain_event(self, stored_event: StoredEvent | Recorded) -> Any:
        """The event. Raises MapperDeserialisationError for bytes that are no event, TopicError for a class
        that this release does not have.
        """
        event_class = resolve_topic(stored_event.topic)
        try:
            state: dict[str, Any] = self.transcoder.decode(stored_event.state)
            if (value := state.pop(SEALED, None)) is not None:
                self._open(state, value, stored_event)
        except (PersistenceError, sqlite3.Error):
            raise  # The keys cannot be read: the event is not at fault.
        except MissingKeyError as error:
            msg = f"{event_class.__qualname__} cannot be opened: {error}"
            raise MapperDeserialisationError(msg) from error
        except Exception as error:
            # Without the error's own text: it may quote what is stored.
            msg = f"{event_class.__qualname__} is not as it was stored ({type(error).__name__})"
            raise MapperDeserialisationError(msg) from error
        state["originator_id"] = stored_event.originator_id
        state["originator_version"] = stored_event.originator_version
        event = object.__new__(event_class)
        object.__setattr__(event, "__dict__", state)
        return event

    def _open(self, state: dict[str, Any], value: str, stored_event: StoredEvent | Recorded) -> None:
        names, data = split(value)
        originator_id = cast("UUID", stored_event.originator_id)
        if not data or (cipher := self.keys.of(originator_id)) is None:
            state[IS_ERASED] = True
            for name in names:
                put_back(state, name, ERASED)
            return
        bound = about(originator_id, stored_event.originator_version, stored_event.topic)
        for name, fact in self.transcoder.decode(opened(data, cipher, bound)).items():
            put_back(state, name, fact)

    def message_of(self, data: bytes) -> tuple[str, datetime]:
        """The message that a stored event absorbed, and when it was recorded, without reading the rest."""
        state = orjson.loads(data)
        return state["message_id"], datetime.fromisoformat(state["timestamp"])


@cache
def _optional(event_class: type[Any]) -> tuple[str, ...]:
    return tuple(name for name in event_class.__dataclass_fields__ if getattr(event_class, name, ...) is None)
