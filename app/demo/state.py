"""What the demo's status line tells: how far messages, events and documents have come."""

from typing import Any

from bson.decimal128 import Decimal128
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from redis import Redis
from redis.exceptions import RedisError

from app.event_store.application import Servicing
from app.event_store.errors import EVENT_STORE_ERRORS
from app.projections.engine.positions import COLLECTION
from app.projections.read_models.catalogue import all_projections
from app.runtime.humanize import counted
from app.runtime.observability.logging import in_short
from app.runtime.settings.settings import Settings


class State:
    """Looks at the running system from outside, as an operator would."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redis = Redis.from_url(settings.redis_url, protocol=2)
        self._mongo: MongoClient[dict[str, Any]] = MongoClient(
            settings.mongo_url, serverSelectionTimeoutMS=1_000
        )
        self._database = self._mongo[settings.mongo_db]
        self._servicing = Servicing.of(settings)

    def line(self) -> str:
        """One line: messages, pending, dead letters, events, lag, documents; or which server is silent."""
        try:
            return self._line()
        except (RedisError, PyMongoError, *EVENT_STORE_ERRORS) as error:
            return f"No answer: {in_short(error)}"

    def _line(self) -> str:
        settings = self._settings
        groups: Any = self._redis.xinfo_groups(settings.inbox_stream) if self._stream_exists() else []
        pending = sum(group["pending"] for group in groups)
        newest = self._servicing.max_position()
        names = list(all_projections(settings))
        positions = [item["position"] for item in self._database[COLLECTION].find({"_id": {"$in": names}})]
        lag = newest - min(positions, default=0)
        documents = {name: self._database[name].estimated_document_count() for name in names}
        return (
            f"{self._redis.xlen(settings.inbox_stream):,} messages ({pending:,} pending, "
            f"{counted(self._redis.xlen(settings.dead_letter_stream), 'dead letter')}), {newest:,} events "
            f"(projections {lag:,} behind), "
            + ", ".join(f"{count:,} {name}" for name, count in documents.items())
        )

    def customer(self) -> str | None:
        """The id of a customer with a loan and an approved chat, once all of it can be read."""
        approved = self._database["conversations"].find({"status": "approved"}, {"customerId": 1})
        for customer in {chat["customerId"] for chat in approved.limit(50) if "customerId" in chat}:
            theirs = {"customerId": customer, "customerName": {"$exists": True}}
            if self._database["loan-accounts"].find_one(theirs) and self._database["customers"].find_one(
                {"_id": customer}
            ):
                return str(customer)
        return None

    def account_that_owes(self, customer: str) -> str | None:
        """One of the customer's loans, or else of anybody's, that is running and owes something."""
        running = {"accountStatus": "active", "balances.currentBalance": {"$gt": Decimal128("50.00")}}
        accounts = self._database["loan-accounts"]
        found = accounts.find_one(running | {"customerId": customer}) or accounts.find_one(running)
        return None if found is None else str(found["_id"])

    def close(self) -> None:
        """Let go of the servers."""
        self._servicing.close()
        self._mongo.close()
        self._redis.close()

    def _stream_exists(self) -> bool:
        return bool(self._redis.exists(self._settings.inbox_stream))
