"""What Redis knows of a stream and its groups, which need not exist; and the keys beside the stream."""

from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

EntryId = tuple[int, int]


def parse_id(entry_id: str | bytes) -> EntryId:
    """A stream entry's id as numbers, which compare as the ids do."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    milliseconds, _, sequence = text.partition("-")
    return int(milliseconds), int(sequence or 0)


def stream_info(redis: Redis, stream: str) -> dict[str, Any]:
    """XINFO STREAM; empty if there is no stream."""
    return dict(_if_present(lambda: redis.xinfo_stream(stream)))


def group_info(redis: Redis, stream: str, group: str) -> dict[str, Any] | None:
    """XINFO GROUPS for one group; None if there is none."""
    groups = _if_present(lambda: redis.xinfo_groups(stream))
    return next((dict(each) for each in groups if each["name"] == group.encode()), None)


def _if_present(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except ResponseError as error:
        if "no such key" not in str(error):
            raise
        return ()


def unknown_types_keys(stream: str) -> tuple[str, str, str]:
    """Hashes by a type that we do not consume: its count; when it was first, and last, seen (Unix ms)."""
    key = f"{stream}:unknown-types"
    return key, f"{key}:first-seen", f"{key}:last-seen"


def oddities_key(stream: str) -> str:
    """The hash that counts parts that could not be read, and times that were ahead, by type and path."""
    return f"{stream}:oddities"


def failures_key(stream: str) -> str:
    """The hash that counts how often an entry failed on its own, by entry id."""
    return f"{stream}:failures"


def set_aside_key(stream: str, dead_letter_stream: str) -> str:
    """The set of all entries of a stream that ever became dead letters, by entry id."""
    return f"{dead_letter_stream}:entries-of:{stream}"
