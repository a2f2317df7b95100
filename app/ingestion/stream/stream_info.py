"""XINFO of a stream and its groups, which need not exist."""

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
    try:
        info: Any = redis.xinfo_stream(stream)
    except ResponseError as error:
        if "no such key" not in str(error):
            raise
        return {}
    return dict(info)


def group_info(redis: Redis, stream: str, group: str) -> dict[str, Any] | None:
    """XINFO GROUPS for one group; None if there is none."""
    try:
        groups: Any = redis.xinfo_groups(stream)
    except ResponseError as error:
        if "no such key" not in str(error):
            raise
        return None
    return next((dict(each) for each in groups if each["name"] == group.encode()), None)
