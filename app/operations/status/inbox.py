"""The state of the inbox in Redis: the stream, its group, dead letters, and what was not understood."""

from datetime import UTC, datetime
from typing import Any

from redis import Redis

from app.ingestion.dead_letters.store import DeadLetterStore
from app.ingestion.messages.envelope import AHEAD
from app.ingestion.stream.stream_info import (
    group_info,
    oddities_key,
    parse_id,
    stream_info,
    unknown_types_keys,
)
from app.operations.status import report
from app.operations.status.source_rhythm import quiet_after_s, usual_gap_s
from app.runtime.settings.settings import Settings

_MOST_COUNTED = 10_000
_PAGE = 1_000
_IDLE_SINCE_ASKING = (7, 2)
"""The first version of Redis in which a consumer that asks, and gets nothing, is not idle."""
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def inbox_state(redis: Redis, settings: Settings) -> report.InboxState:
    """All of it, by Redis's own clock. Raises redis's errors."""
    name, now = settings.inbox_stream, _now(redis)
    stream, group = stream_state(redis, settings, now)
    counts = sorted(_hash(redis, oddities_key(name)).items())
    odd = [report.CountedField(field=field, count=int(count)) for field, count in counts]
    return report.InboxState(
        stream=stream,
        group=group,
        dead_letters=_dead_letters(DeadLetterStore(redis, settings), settings, now),
        unknown_types=_unknown_types(redis, name),
        dropped_values=[each for each in odd if not each.field.startswith(AHEAD)],
        clocks_ahead=[
            report.CountedField(field=each.field.removeprefix(AHEAD), count=each.count)
            for each in odd
            if each.field.startswith(AHEAD)
        ],
    )


def stream_state(
    redis: Redis, settings: Settings, now: float | None = None
) -> tuple[report.StreamState, report.GroupState | None]:
    """The stream and its group alone: a few commands, at any size. Raises redis's errors."""
    now = _now(redis) if now is None else now
    info = stream_info(redis, settings.inbox_stream)
    group = _group(redis, settings, info, now) if info else None
    return _stream(redis, settings, info, now), group


def taken_over_after_ms(settings: Settings) -> int:
    """How long after its delivery a pending entry should have been taken over by another consumer."""
    return 2 * settings.claim_idle_ms


def _stream(redis: Redis, settings: Settings, info: dict[str, Any], now: float) -> report.StreamState:
    name = settings.inbox_stream
    if not info or parse_id(info["last-generated-id"]) == (0, 0):
        return report.StreamState(name=name, length=0)
    last = info["last-generated-id"]
    usual = usual_gap_s(redis, name, parse_id(last)[0] / 1e3)
    return report.StreamState(
        name=name,
        length=info["length"],
        last_entry_id=last.decode(),
        last_entry_age_seconds=_age(last, now),
        usual_gap_seconds=usual,
        quiet_after_seconds=quiet_after_s(settings, usual),
    )


def _group(redis: Redis, settings: Settings, info: dict[str, Any], now: float) -> report.GroupState | None:
    stream, name = settings.inbox_stream, settings.consumer_group
    if (group := group_info(redis, stream, name)) is None:
        return None
    unread, is_exact, oldest = _unread(redis, stream, group, info)
    server: Any = redis.info("server")
    consumers: Any = redis.xinfo_consumers(stream, name)
    version = tuple(int(part) for part in str(server["redis_version"]).split(".") if part.isdigit())
    return report.GroupState(
        name=name,
        last_delivered_id=group["last-delivered-id"].decode(),
        entries_read=group.get("entries-read"),
        unread=unread,
        unread_is_exact=is_exact,
        oldest_unread_age_seconds=None if oldest is None else _age(oldest, now),
        pending=group["pending"],
        oldest_pending=_oldest_pending(redis, settings, now),
        consumers=[
            report.ConsumerState(
                name=each["name"].decode(), pending=each["pending"], idle_seconds=each["idle"] / 1e3
            )
            for each in consumers
        ],
        idle_since_asking=version >= _IDLE_SINCE_ASKING,
    )


def _unread(
    redis: Redis, stream: str, group: dict[str, Any], info: dict[str, Any]
) -> tuple[int, bool, bytes | None]:
    """How many entries were not delivered yet, whether that is exact, and the oldest one's id.

    Redis reports a ``lag`` only since 7.0, none after a deletion, and counts trimmed entries in it.
    """
    start = f"({group['last-delivered-id'].decode()}"
    first: Any = redis.xrange(stream, start, "+", count=1)
    if not first:
        return 0, True, None
    oldest = first[0][0]
    if info["first-entry"] and oldest == info["first-entry"][0]:
        return info["length"], True, oldest
    if (lag := group.get("lag")) is not None:
        return min(int(lag), info["length"]), True, oldest
    count = 0
    while count < _MOST_COUNTED:
        found: Any = redis.xrange(stream, start, "+", count=_PAGE)
        count += len(found)
        if len(found) < _PAGE:
            return count, True, oldest
        start = f"({found[-1][0].decode()}"
    return count, False, oldest


def _oldest_pending(redis: Redis, settings: Settings, now: float) -> report.PendingEntry | None:
    """The oldest entry that another consumer should have taken over or, if there is none, the oldest."""
    stream, group = settings.inbox_stream, settings.consumer_group
    overdue = redis.xpending_range(stream, group, "-", "+", 1, idle=taken_over_after_ms(settings))
    found: Any = overdue or redis.xpending_range(stream, group, "-", "+", 1)
    if not found:
        return None
    oldest = found[0]
    return report.PendingEntry(
        entry_id=oldest["message_id"].decode(),
        consumer=oldest["consumer"].decode(),
        age_seconds=_age(oldest["message_id"], now),
        idle_seconds=oldest["time_since_delivered"] / 1e3,
        deliveries=oldest["times_delivered"],
    )


def _dead_letters(store: DeadLetterStore, settings: Settings, now: float) -> report.DeadLettersState:
    counts = store.counts()
    oldest = next(store.search(), None)
    return report.DeadLettersState(
        stream=settings.dead_letter_stream,
        total=len(store),
        counted=counts.scanned,
        by_reason=dict(counts.by_reason.most_common()),
        oldest_age_seconds=None if oldest is None else _age(oldest.dead_letter_id, now),
    )


def _unknown_types(redis: Redis, stream: str) -> list[report.UnknownType]:
    counts, first, last = (_hash(redis, key) for key in unknown_types_keys(stream))
    types = [
        report.UnknownType(
            type=name, count=int(count), first_seen=_time(first.get(name)), last_seen=_time(last.get(name))
        )
        for name, count in sorted(counts.items())
    ]
    return sorted(types, key=lambda each: each.first_seen or _BEGINNING, reverse=True)


def _hash(redis: Redis, key: str) -> dict[str, str]:
    found: Any = redis.hgetall(key)
    return {name.decode(errors="replace"): value.decode() for name, value in found.items()}


def _now(redis: Redis) -> float:
    seconds, microseconds = redis.time()
    return float(seconds + microseconds / 1e6)


def _age(entry_id: str | bytes, now: float) -> float:
    """Seconds since an entry was added; 0 if its publisher chose an id in the future."""
    return max(0.0, round(now - parse_id(entry_id)[0] / 1e3, 3))


def _time(milliseconds: str | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(int(milliseconds) / 1e3, UTC)
