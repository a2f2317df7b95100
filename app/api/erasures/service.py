"""Whether an erasure has reached everything that is stored: the keys, the read models, the dead letters."""

import logging
from time import monotonic

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app.api.services import Database
from app.event_store.erasure import Erased
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.dead_letters.store import Mentions, mentions_of
from app.operations.history import KINDS
from app.operations.servers import Servers
from app.projections.engine.documents import FAULTED
from app.projections.engine.positions import COLLECTION as POSITIONS
from app.projections.engine.positions import comes_to
from app.projections.rebuild.shadow import holds_erased, record_id
from app.runtime.observability.logging import in_short

log = logging.getLogger(__name__)

COLLECTIONS = {kind.__name__: collection for kind, collection in KINDS.values()}
"""The read model of each kind of aggregate: all of them hold personal data."""
_CLEARED_WITHIN_S = 2.0
_IDS_PER_QUERY = 100


def forget_keys(servers: Servers) -> bool:
    """Have this process's reads forget destroyed keys now, not within a second. Returns whether it could."""
    try:
        servers.event_store().privacy.keys.refresh()
    except EVENT_STORE_ERRORS as error:
        log.warning("Cannot forget destroyed keys yet: %s", in_short(error))
        return False
    return True


async def is_cleared(database: Database, erased: Erased) -> bool:
    """Whether all read models apply the erasure within two seconds, and nothing is left in them."""
    until = monotonic() + _CLEARED_WITHIN_S
    try:
        for name in COLLECTIONS.values():
            if not await comes_to(database, name, erased.position, max(0.01, until - monotonic())):
                return False
        return not await _is_anything_left(database, erased)
    except PyMongoError as error:
        # It is erased: an error would say that it is not.
        log.warning("Cannot tell whether the read models are cleared: %s", in_short(error))
        return False


async def _is_anything_left(database: Database, erased: Erased) -> bool:
    """In a document that no erasure reached, or in an unfinished rebuild."""
    rebuilds = [record_id(name) for name in COLLECTIONS.values()]
    async for record in database[POSITIONS].find({"_id": {"$in": rebuilds}}):
        if holds_erased(record):
            return True
    uncleared = {"erasedAt": {"$exists": False}, f"{FAULTED}.empty": {"$ne": True}}
    for kind, name in COLLECTIONS.items():
        ids = [identifier for each, identifier in erased.keys if each.__name__ == kind]
        for start in range(0, len(ids), _IDS_PER_QUERY):
            query = {"_id": {"$in": ids[start : start + _IDS_PER_QUERY]}, **uncleared}
            if await database[name].find_one(query, {"_id": 1}) is not None:
                return True
    return False


def mentions(servers: Servers, erased: Erased) -> Mentions | None:
    """The dead letters that mention what was erased; None while Redis is away."""
    try:
        return mentions_of(servers.dead_letters(), [identifier for _, identifier in erased.keys])
    except RedisError as error:
        log.warning("Cannot search dead letters for the erased customer: %s", in_short(error))
        return None
