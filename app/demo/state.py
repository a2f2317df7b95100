"""The state of the running demo, as its status line shows it."""

from bson.decimal128 import Decimal128
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.stream.stream_info import group_info
from app.operations.servers import Servers
from app.projections.engine.positions import COLLECTION
from app.projections.read_models.catalogue import all_projections
from app.runtime.humanize import counted
from app.runtime.observability.logging import in_short


def status_line(servers: Servers) -> str:
    """Messages, events, lag and documents in one line; or which server does not answer."""
    try:
        return _status_line(servers)
    except (RedisError, PyMongoError, *EVENT_STORE_ERRORS) as error:
        return f"No answer: {in_short(error)}"


def _status_line(servers: Servers) -> str:
    settings, redis, database = servers.settings, servers.redis, servers.database
    group = group_info(redis, settings.inbox_stream, settings.consumer_group)
    newest = servers.event_store().max_position()
    names = list(all_projections(settings))
    positions = [record["position"] for record in database[COLLECTION].find({"_id": {"$in": names}})]
    documents = ", ".join(f"{database[name].estimated_document_count():,} {name}" for name in names)
    return (
        f"{redis.xlen(settings.inbox_stream):,} messages ({group['pending'] if group else 0:,} pending, "
        f"{counted(len(servers.dead_letters()), 'dead letter')}), {newest:,} events "
        f"(projections {newest - min(positions, default=0):,} behind), {documents}"
    )


def example_customer(servers: Servers) -> str | None:
    """A customer with a loan and an approved application, once all their documents can be read."""
    database = servers.database
    approved = database["conversations"].find({"status": "approved"}, {"customerId": 1})
    for customer in {chat["customerId"] for chat in approved.limit(50) if "customerId" in chat}:
        has_loan = database["loan-accounts"].find_one(
            {"customerId": customer, "customerName": {"$exists": True}}
        )
        if has_loan and database["customers"].find_one({"_id": customer}):
            return str(customer)
    return None


def account_in_debt(servers: Servers, customer: str) -> str | None:
    """An active loan with a balance: the customer's, or else any customer's."""
    active = {"accountStatus": "active", "balances.currentBalance": {"$gt": Decimal128("50.00")}}
    accounts = servers.database["loan-accounts"]
    found = accounts.find_one(active | {"customerId": customer}) or accounts.find_one(active)
    return None if found is None else str(found["_id"])
