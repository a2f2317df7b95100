"""Redis, as ingestion needs it: version, persistence, memory, clock, streams and permissions."""

from collections.abc import Iterator
from time import time
from typing import Any

from redis import Redis
from redis.exceptions import NoPermissionError, ReadOnlyError, ResponseError

from app.ingestion.stream.stream_info import group_info
from app.operations.doctor.check import Check, clock, failed, warning, well
from app.runtime.observability.logging import in_short
from app.runtime.settings.settings import Settings

_OLDEST = (6, 2)
_FULL = 0.9
_NO_ENTRY = "0-0"


def redis_checks(redis: Redis, settings: Settings) -> Iterator[Check]:
    """All of them. Changes nothing in Redis. Raises redis's errors."""
    asked = time()
    seconds, microseconds = redis.time()
    yield well("redis.connection", "answers")
    yield clock("redis.clock", seconds + microseconds / 1e6, asked, time())
    info: Any = redis.info("everything")
    yield _version(str(info["redis_version"]))
    if info.get("aof_enabled"):
        yield well("redis.persistence", "has an append-only file")
    else:
        advice = "Set `appendonly yes`: a crash loses the entries that were not read yet."
        yield warning("redis.persistence", "has no append-only file", advice)
    yield _memory(info)
    yield from _streams(redis, settings)
    yield _permission(redis, settings)


def _version(version: str) -> Check:
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < _OLDEST:
        return failed("redis.version", version, "Upgrade to 6.2 or newer: XAUTOCLAIM is needed.")
    return well("redis.version", version)


def _memory(info: dict[str, Any]) -> Check:
    most, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    policy = info.get("maxmemory_policy", "noeviction")
    if most and policy != "noeviction":
        advice = "Set `maxmemory-policy noeviction`: otherwise Redis evicts the stream and the dead letters."
        return failed("redis.memory", f"evicts keys when it is full ({policy})", advice)
    if most and used > _FULL * most:
        advice = "Raise `maxmemory`, set BILLIE_TRIM_AFTER_HOURS, or clear dead letters."
        return warning("redis.memory", f"{used / most:.0%} of `maxmemory` is used", advice)
    return well("redis.memory", f"{used / 2**20:,.0f} MiB used")


def _streams(redis: Redis, settings: Settings) -> Iterator[Check]:
    inbox = settings.inbox_stream
    streams = {"BILLIE_INBOX_STREAM": inbox, "BILLIE_DEAD_LETTER_STREAM": settings.dead_letter_stream}
    for setting, name in streams.items():
        kind: Any = redis.type(name)
        if kind not in (b"stream", b"none"):
            yield failed("redis.stream", f"{name} is a {kind.decode()}", f"Choose another {setting}.")
            return
    if not redis.exists(inbox):
        advice = "Start a publisher, or check BILLIE_INBOX_STREAM and the database in BILLIE_REDIS_URL."
        yield warning("redis.stream", f"no stream {inbox}", advice)
        return
    yield well("redis.stream", f"{inbox} exists")
    if group_info(redis, inbox, settings.consumer_group) is None:
        advice = "Start `billie ingest`, which creates the group."
        yield warning("redis.group", f"no group {settings.consumer_group}", advice)
    else:
        yield well("redis.group", f"{settings.consumer_group} exists")


def _permission(redis: Redis, settings: Settings) -> Check:
    """Tried with commands that change nothing: no entry has the id 0-0."""
    try:
        redis.xack(settings.inbox_stream, settings.consumer_group, _NO_ENTRY)
        redis.xdel(settings.dead_letter_stream, _NO_ENTRY)
        redis.eval("return 1", 0)
    except ReadOnlyError:
        return failed("redis.permission", "is a read-only replica", "Point BILLIE_REDIS_URL at the primary.")
    except (NoPermissionError, ResponseError) as error:
        advice = "Grant the user of BILLIE_REDIS_URL the stream commands and EVAL on both streams' keys."
        return failed("redis.permission", in_short(error), advice)
    return well("redis.permission", "may acknowledge, set aside, and run scripts")
