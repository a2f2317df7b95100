"""What the demo's status line tells: how far messages, events and documents have come."""

from typing import Any

from pymongo import MongoClient
from redis import Redis

from app.aggregates import Servicing
from app.projections.catalogue import all_projections
from app.projections.positions import COLLECTION
from app.runtime.settings import Settings


class State:
    """Looks at the running system from outside, as an operator would."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = Redis.from_url(settings.redis_url, protocol=2)
        self._mongo: MongoClient[dict[str, Any]] = MongoClient(settings.mongo_url)
        self._database = self._mongo[settings.mongo_db]
        self._servicing = Servicing.from_url(settings.event_store_url)

    def line(self) -> str:
        """One line: messages, pending, dead letters, events, lag, documents."""
        settings = self._settings
        groups: Any = self._redis.xinfo_groups(settings.inbox_stream) if self._stream_exists() else []
        pending = sum(group["pending"] for group in groups)
        newest = self._servicing.max_position()
        positions = [item["position"] for item in self._database[COLLECTION].find()]
        lag = newest - min(positions, default=0)
        documents = {
            name: self._database[name].estimated_document_count() for name in all_projections(settings)
        }
        return (
            f"{self._redis.xlen(settings.inbox_stream):,} messages ({pending:,} pending, "
            f"{self._redis.xlen(settings.dead_letter_stream):,} dead letters), {newest:,} events "
            f"(projections {lag:,} behind), "
            + ", ".join(f"{count:,} {name}" for name, count in documents.items())
        )

    def customer(self) -> str | None:
        """The id of a customer who has a loan, once there is one."""
        document = self._database["loan-accounts"].find_one({"customerName": {"$exists": True}})
        return None if document is None else str(document["customerId"])

    def close(self) -> None:
        """Let go of the servers."""
        self._servicing.close()
        self._mongo.close()
        self._redis.close()

    def _stream_exists(self) -> bool:
        return bool(self._redis.exists(self._settings.inbox_stream))
