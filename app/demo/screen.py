"""What a demo prints: where to begin, and how much of it has arrived."""

from collections.abc import Callable
from urllib.request import Request, urlopen

from bson.decimal128 import Decimal128
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app.api.auth.development_tokens import issue_token
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.stream.stream_info import group_info
from app.operations.servers import Servers
from app.projections.engine.positions import COLLECTION
from app.projections.read_models.catalogue import all_projections
from app.runtime.humanize import counted
from app.runtime.observability.logging import in_short

Say = Callable[[str], None]
_SHOWN = ("customers", "loan-accounts", "conversations")


def introduce(servers: Servers, say: Say) -> bool:
    """Print where to begin; False until there is a loan with a balance, which the API serves."""
    settings, database = servers.settings, servers.database
    indebted = {"accountStatus": "active", "balances.currentBalance": {"$gt": Decimal128("50.00")}}
    account = database["loan-accounts"].find_one(indebted | {"customerName": {"$exists": True}})
    if account is None:
        return False
    base = f"http://{settings.api_host}:{settings.api_port}"
    token, customer = issue_token(settings, "demo", "admin"), f"{base}/v1/customers/{account['customerId']}"
    if not _is_served(customer, token):
        return False
    say(f"Console   {base}/  (choose a name and a role)")
    say(f"REST API  {base}/docs")
    say("")
    say(f"TOKEN={token}")
    say(f"curl -sH \"Authorization: Bearer $TOKEN\" '{customer}'")
    say(f"Their loan account, with a balance: ACC={account['_id']}")
    say("")
    return True


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
    documents = ", ".join(f"{database[name].estimated_document_count():,} {name}" for name in _SHOWN)
    return (
        f"{redis.xlen(settings.inbox_stream):,} messages ({group['pending'] if group else 0:,} pending, "
        f"{counted(len(servers.dead_letters()), 'dead letter')}), {newest:,} events "
        f"(projections {newest - min(positions, default=0):,} behind), {documents}"
    )


def _is_served(url: str, token: str) -> bool:
    request = Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
