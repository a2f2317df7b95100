"""What all our clients of Redis and MongoDB have in common, apart from their timeouts.

The URL has the last word of what it names.
"""

import socket
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pymongo import MongoClient
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from app.runtime.settings.settings import Settings

_BREAKS = (RedisConnectionError, RedisTimeoutError, socket.timeout, ReadOnlyError)
"""After these a connection is closed: also where its server became a replica, and another has its name."""


def redis_client(settings: Settings, **more: Any) -> Redis:
    """A client of the settings' Redis. It repeats nothing by itself: that is the caller's decision."""
    return Redis.from_url(settings.redis_url, protocol=2, retry=Retry(NoBackoff(), 0, _BREAKS), **more)


def mongo_client(settings: Settings) -> MongoClient[dict[str, Any]]:
    """A client that reads times as aware, in UTC, and gives up on an absent server after 5 s."""
    return MongoClient(settings.mongo_url, serverSelectionTimeoutMS=5_000, **mongo_options(settings))


def mongo_options(settings: Settings) -> dict[str, Any]:
    """What a MongoDB client takes beside its URL.

    What is acknowledged is with a majority of the replica set, so that no new primary lacks it, and only that
    is read: a primary that was cut off shows what will be rolled back, and a projection would skip the events
    of documents that seem to be there. What a step-down or a broken connection interrupts, the driver tries
    once again by itself.
    """
    named = parse_qs(urlsplit(settings.mongo_url).query)
    majority = {"w": "majority", "readConcernLevel": "majority"}
    return {"tz_aware": True} | {name: level for name, level in majority.items() if name not in named}
