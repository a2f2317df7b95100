"""How events become bytes: compact JSON, with times and amounts kept as what they are."""

from datetime import datetime
from decimal import Decimal
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


class EventTranscoder(Transcoder):
    """JSON by orjson; a time is ``{"\\0t": ISO 8601}``, an amount ``{"\\0d": decimal string}``."""

    def encode(self, obj: Any) -> bytes:
        return orjson.dumps(obj, default=_tag, option=orjson.OPT_PASSTHROUGH_DATETIME)

    def decode(self, data: bytes) -> Any:
        state = orjson.loads(data)
        for name, value in state.items():
            if type(value) is dict or type(value) is list:
                state[name] = _untag(value)
        return state


def _tag(value: Any) -> Any:
    if isinstance(value, datetime):
        return {_TIME: value.isoformat()}
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
        state = {
            name: value
            for name, value in vars(domain_event).items()
            if value is not None or not hasattr(event_class, name)
        }
        originator_id = state.pop("originator_id")
        originator_version = state.pop("originator_version")
        class_version = getattr(event_class, "class_version", 1)
        if class_version > 1:
            state["class_version"] = class_version
        data = self.transcoder.encode(state)
        if self.compressor:
            data = self.compressor.compress(data)
        if self.cipher:
            data = self.cipher.encrypt(data)
        return StoredEvent(originator_id, originator_version, get_topic(event_class), data)
