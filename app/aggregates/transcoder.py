"""How events become bytes: compact JSON, with times and amounts kept as what they are."""

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent, Transcoder
from eventsourcing.utils import get_topic

# A message may hold any JSON object, so a tag must be a key that no message can: ingestion lets
# no NUL character through.
_TIME = "\x00t"
_DECIMAL = "\x00d"
_TIMES = ("timestamp", "received_at", "upstream_time")
"""Fields of every event: plain text needs no tag there, and costs a third."""


class EventTranscoder(Transcoder):
    """JSON by orjson; a time is ``{"\\0t": ISO 8601}``, an amount ``{"\\0d": decimal string}``.

    The times that every event has are ISO 8601 as they are (in events of before, tagged).
    """

    def encode(self, obj: Any) -> bytes:
        return _encoded(dict(obj))

    def decode(self, data: bytes) -> Any:
        state = orjson.loads(data)
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
    msg = f"An event cannot hold a {type(value).__name__}: use text, numbers, Decimal or datetime."
    raise TypeError(msg)


def _untag(value: Any) -> Any:
    if type(value) is list:
        return [_untag(item) if type(item) in (dict, list) else item for item in value]
    if len(value) == 1:
        if (time := value.get(_TIME)) is not None:
            return datetime.fromisoformat(time)
        if (amount := value.get(_DECIMAL)) is not None:
            return Decimal(amount)
    return {key: _untag(item) if type(item) in (dict, list) else item for key, item in value.items()}


class CompactMapper(Mapper[UUID]):
    """Leaves out fields that are None where the event class says that None is the default."""

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        event_class = type(domain_event)
        state = vars(domain_event).copy()
        originator_id = state.pop("originator_id")
        originator_version = state.pop("originator_version")
        if None in state.values():
            for name in _may_be_left_out(event_class):
                if state.get(name, ...) is None:
                    del state[name]
        if (class_version := getattr(event_class, "class_version", 1)) > 1:
            state["class_version"] = class_version
        data = _encoded(state)
        if self.compressor:
            data = self.compressor.compress(data)
        if self.cipher:
            data = self.cipher.encrypt(data)
        return StoredEvent(originator_id, originator_version, get_topic(event_class), data)

    def identity_of(self, data: bytes) -> tuple[str, datetime]:
        """The message that a stored event absorbed, and when it was recorded: without reading the rest."""
        if self.cipher:
            data = self.cipher.decrypt(data)
        if self.compressor:
            data = self.compressor.decompress(data)
        state = orjson.loads(data)
        time = state["timestamp"]
        return state["message_id"], datetime.fromisoformat(time if type(time) is str else time[_TIME])


@cache
def _may_be_left_out(event_class: type[Any]) -> tuple[str, ...]:
    return tuple(name for name in event_class.__dataclass_fields__ if getattr(event_class, name, ...) is None)
