"""Redis, as ingestion needs it: its version, what it does at a crash, what we may do, and its clock."""

from collections.abc import Iterator
from time import time
from typing import Any

from redis import Redis
from redis.exceptions import NoPermissionError, ReadOnlyError, RedisError, ResponseError

from app.ingestion.stream.stream_info import group_info
from app.operations.doctor.check import Check, away, clock, failed, warning, well
from app.runtime.observability.logging import in_short
from app.runtime.settings.settings import Settings

_OLDEST = (6, 2)
_FULL = 0.9
_NO_ENTRY = "0-0"


def redis_checks(redis: Redis, settings: Settings) -> list[Check]:
    """All of them; only that it is away, where it does not answer. Nothing in Redis changes."""
    try:
        return list(_checks(redis, settings))
    except RedisError as error:
        return [away("redis.connection", in_short(error), "Is it up? Check BILLIE_REDIS_URL.")]


def _checks(redis: Redis, settings: Settings) -> Iterator[Check]:
    asked = time()
    seconds, microseconds = redis.time()
    yield well("redis.connection", "answers")
    yield clock("redis.clock", seconds + microseconds / 1e6, asked, time())
    told: Any = redis.info("everything")
    yield _version(str(told["redis_version"]))
    if told.get("aof_enabled"):
        yield well("redis.persistence", "has an append-only file")
    else:
        yield warning(
            "redis.persistence",
            "has no append-only file",
            "Set `appendonly yes`: entries that nobody has read go with it when it crashes.",
        )
    yield _memory(told)
    yield from _stream(redis, settings)
    yield _permission(redis, settings)


def _version(version: str) -> Check:
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < _OLDEST:
        return failed("redis.version", version, "Upgrade to 6.2 or newer: XAUTOCLAIM is needed.")
    return well("redis.version", version)


def _memory(told: Any) -> Check:
    most, used = int(told.get("maxmemory", 0)), int(told.get("used_memory", 0))
    policy = told.get("maxmemory_policy", "noeviction")
    if most and policy != "noeviction":
        return failed(
            "redis.memory",
            f"evicts keys when it is full ({policy})",
            "Set `maxmemory-policy noeviction`: the stream and the dead letters are keys like any other.",
        )
    if most and used > _FULL * most:
        advice = "Raise `maxmemory`, set BILLIE_TRIM_AFTER_HOURS, or decide on the dead letters."
        return warning("redis.memory", f"{used / most:.0%} of `maxmemory` is used", advice)
    return well("redis.memory", f"{used / 2**20:,.0f} MiB used")


def _stream(redis: Redis, settings: Settings) -> Iterator[Check]:
    for name, setting in (
        (settings.inbox_stream, "BILLIE_INBOX_STREAM"),
        (settings.dead_letter_stream, "BILLIE_DEAD_LETTER_STREAM"),
    ):
        kind = redis.type(name)
        if kind not in (b"stream", b"none"):
            told = f"{name} is a {kind.decode()}"  # type: ignore[union-attr]
            yield failed("redis.stream", told, f"Choose another name for {setting}.")
            return
    if not redis.exists(settings.inbox_stream):
        advice = (
            "Start a publisher, or check BILLIE_INBOX_STREAM and the number at the end of BILLIE_REDIS_URL."
        )
        yield warning("redis.stream", f"there is no {settings.inbox_stream}", advice)
        return
    yield well("redis.stream", f"{settings.inbox_stream} is there")
    if group_info(redis, settings.inbox_stream, settings.consumer_group) is None:
        advice = "Start `billie ingest`: it makes the group."
        yield warning("redis.group", f"there is no group {settings.consumer_group}", advice)
    else:
        yield well("redis.group", f"{settings.consumer_group} is there")


def _permission(redis: Redis, settings: Settings) -> Check:
    """Asked for what changes nothing: no entry has the id 0-0."""
    try:
        redis.xack(settings.inbox_stream, settings.consumer_group, _NO_ENTRY)
        redis.xdel(settings.dead_letter_stream, _NO_ENTRY)
        redis.eval("return 1", 0)
    except ReadOnlyError:
        return failed("redis.permission", "is a read-only replica", "Point BILLIE_REDIS_URL at the primary.")
    except (NoPermissionError, ResponseError) as error:
        return failed(
            "redis.permission",
            in_short(error),
            "Give the user of BILLIE_REDIS_URL the stream commands and EVAL, on keys of both streams.",
        )
    return well("redis.permission", "may acknowledge, set aside, and run scripts")
