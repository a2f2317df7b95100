"""Looks for what documents, stream and ledger know that a restored event store does not."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from pymongo.database import Database
from redis import Redis

from app.aggregates import ContactNote, LedgerCommand, WriteOffRequest
from app.aggregates.base import Aggregate, Key
from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import read_entry
from app.ingestion.messages.parsers import Parsers
from app.ingestion.messages.rejection import RejectedError
from app.ingestion.stream.scripts import set_aside_key
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerError
from app.operations.reconcile.reconciliation import Ahead, OnlyShown, StreamState
from app.projections.engine.positions import COLLECTION, is_of_other_store
from app.projections.engine.projection import Projection
from app.runtime.settings.settings import Settings

_PAGE = 500
_ASKED_BY_STAFF: Mapping[str, type[Aggregate]] = {
    "contact-notes": ContactNote,
    "ledger-commands": LedgerCommand,
    "write-off-requests": WriteOffRequest,
}
"""What staff ask for over REST, by its read model: no message need tell of it."""
Documents = Database[dict[str, Any]]


def read_models_ahead(
    servicing: Servicing, database: Documents, projections: Mapping[str, Projection]
) -> Iterator[Ahead]:
    """Those that must not continue from where they are."""
    newest = servicing.max_position()
    for record in database[COLLECTION].find({"_id": {"$in": list(projections)}}):
        name, position = record["_id"], record["position"]
        if position > newest or is_of_other_store(record, servicing):
            beyond = database[name].count_documents({"_position": {"$gt": newest}})
            yield Ahead(projection=name, position=position, documents=beyond)


def only_shown(servicing: Servicing, database: Documents, settings: Settings) -> Iterator[OnlyShown]:
    """What staff asked for, and only documents still tell of. Raises LedgerSettingsError."""
    for name, kind in _ASKED_BY_STAFF.items():
        documents = database[name].find()
        while page := list(islice(documents, _PAGE)):
            stored = servicing.load_many([(kind, each["_id"]) for each in page])
            for each in page:
                if (key := (kind, each["_id"])) not in stored:
                    continue  # It has an event that cannot be read: a newer release stored it.
                status = getattr(stored[key], "status", None)
                if stored[key] is None or status not in (None, each.get("status")):
                    yield OnlyShown(
                        read_model=name,
                        id=each["_id"],
                        stored=None if status is None else str(status),
                        ledger=asyncio.run(_ledger_says(settings, each)) if kind is LedgerCommand else None,
                        document=each,
                    )


def not_erased(servicing: Servicing, database: Documents) -> list[str]:
    """Customers who were erased after the time that the store was restored to."""
    erased = {customer for _, _, customer in servicing.privacy.tables.erased_after(0)}
    shown = database["customers"].find({"erasedAt": {"$exists": True}}, {"_id": 1})
    return sorted({each["_id"] for each in shown} - erased)


def look_at_stream(servicing: Servicing, redis: Redis, settings: Settings, parsers: Parsers) -> StreamState:
    """Count what the stream holds, and what of it was acknowledged without an event in this store."""
    counts, after = Counter[str](), b"-"
    stream, max_bytes = settings.inbox_stream, settings.max_message_bytes
    while page := redis.xrange(stream, min=after, count=_PAGE):
        entries: Any = page
        after = b"(" + entries[-1][0]
        done, wanted = _acknowledged(redis, settings, [each for each, _ in entries]), list[tuple[Key, str]]()
        for entry_id, fields in entries:
            try:
                message = read_entry(stream, entry_id, fields, max_bytes, parsers)
            except RejectedError:  # It is a dead letter, unless it was acknowledged as something else.
                counts.update(dict.fromkeys(("messages", "unreadable"), int(entry_id in done)))
                continue
            if message is None:
                continue
            counts["messages"] += 1
            if entry_id not in done:
                counts["unread"] += 1
            elif message.failure is not None:
                counts["unreadable"] += 1
            else:
                wanted.append((next(iter(message.concerns())), message.envelope.source.message_id))
        loaded = servicing.load_many({key for key, _ in wanted})
        for key, message_id in wanted:
            if key in loaded:  # Otherwise it has an event that cannot be read.
                aggregate = loaded[key]
                counts["taken_and_lost"] += aggregate is None or message_id not in aggregate.absorbed
    return StreamState.model_validate(dict(counts))


async def _ledger_says(settings: Settings, command: Mapping[str, Any]) -> str:
    """What the ledger's books say of a money command."""
    ledger = LedgerClient.of(settings)
    try:
        listed = await ledger.get_transactions(command["loanAccountId"])
    except LedgerError as error:
        return f"it does not say: {error.grpc_code}"
    finally:
        await ledger.close()
    if (transaction := command.get("transactionId")) is None:
        return f"the document names no transaction (it is {command.get('status')})"
    known = {posting.transaction_id for posting in listed.transactions}
    return "posted" if transaction in known else "not in its newest transactions"


def replay_stream(redis: Redis, settings: Settings) -> None:
    """Have the group read the stream again. Without a group, the first consumer makes one that does so."""
    if _group(redis, settings) is not None:
        redis.xgroup_setid(settings.inbox_stream, settings.consumer_group, "0")


def _acknowledged(redis: Redis, settings: Settings, ids: Sequence[bytes]) -> set[bytes]:
    """Of consecutive entries, those that were read, and are neither pending nor set aside."""
    stream, group = settings.inbox_stream, settings.consumer_group
    if (mine := _group(redis, settings)) is None:
        return set()
    pending: Any = redis.xpending_range(stream, group, ids[0], ids[-1], len(ids))
    aside: Any = redis.smismember(set_aside_key(stream, settings.dead_letter_stream), [*ids])
    others = {each["message_id"] for each in pending} | {
        each for each, is_aside in zip(ids, aside, strict=True) if is_aside
    }
    return {each for each in ids if _order(each) <= _order(mine["last-delivered-id"])} - others


def _group(redis: Redis, settings: Settings) -> dict[str, Any] | None:
    if not redis.exists(settings.inbox_stream):
        return None
    groups: Any = redis.xinfo_groups(settings.inbox_stream)
    return next((each for each in groups if each["name"] == settings.consumer_group.encode()), None)


def _order(entry_id: bytes) -> tuple[int, ...]:
    return tuple(int(part) for part in entry_id.split(b"-"))
