"""Finds what documents, stream and ledger know that a restored event store does not."""

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
from app.ingestion.stream.keys import set_aside_key
from app.ingestion.stream.stream_info import group_info, parse_id
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerError
from app.operations.reconcile.reconciliation import Ahead, OnlyShown, Reconciliation, StreamState
from app.projections.engine.positions import COLLECTION, is_of_other_store
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings

_PAGE = 500
_ASKED_BY_STAFF: Mapping[str, type[Aggregate]] = {
    "contact-notes": ContactNote,
    "ledger-commands": LedgerCommand,
    "write-off-requests": WriteOffRequest,
}
"""What staff ask for over REST, by its read model: it may be in no message."""
Documents = Database[dict[str, Any]]


def reconcile(
    servicing: Servicing, database: Documents, redis: Redis, settings: Settings, parsers: Parsers
) -> Reconciliation:
    """Compare them all. Raises LedgerSettingsError, and the errors of the three servers."""
    newest = servicing.max_position()
    return Reconciliation(
        newest_position=newest,
        ahead=list(_ahead(servicing, database, settings, newest)),
        only_shown=list(_only_shown(servicing, database, settings)),
        not_erased=_not_erased(servicing, database),
        stream=look_at_stream(servicing, redis, settings, parsers),
    )


def _ahead(servicing: Servicing, database: Documents, settings: Settings, newest: int) -> Iterator[Ahead]:
    for record in database[COLLECTION].find({"_id": {"$in": list(all_projections(settings))}}):
        name, position = record["_id"], record["position"]
        if position > newest or is_of_other_store(record, servicing):
            beyond = database[name].count_documents({"_position": {"$gt": newest}})
            yield Ahead(projection=name, position=position, documents=beyond)


def _only_shown(servicing: Servicing, database: Documents, settings: Settings) -> Iterator[OnlyShown]:
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


def _not_erased(servicing: Servicing, database: Documents) -> list[str]:
    erased = {customer for _, _, customer in servicing.privacy.tables.erased_after(0)}
    shown = database["customers"].find({"erasedAt": {"$exists": True}}, {"_id": 1})
    return sorted({each["_id"] for each in shown} - erased)


def look_at_stream(servicing: Servicing, redis: Redis, settings: Settings, parsers: Parsers) -> StreamState:
    """Count the messages on the stream, and those that were acknowledged without an event in this store."""
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


def _acknowledged(redis: Redis, settings: Settings, ids: Sequence[bytes]) -> set[bytes]:
    """Of consecutive entries, those that were read, and are neither pending nor set aside."""
    stream, group = settings.inbox_stream, settings.consumer_group
    if (mine := group_info(redis, stream, group)) is None:
        return set()
    delivered = parse_id(mine["last-delivered-id"])
    pending: Any = redis.xpending_range(stream, group, ids[0], ids[-1], len(ids))
    aside: Any = redis.smismember(set_aside_key(stream, settings.dead_letter_stream), [*ids])
    others = {each for each, is_aside in zip(ids, aside, strict=True) if is_aside}
    others |= {each["message_id"] for each in pending}
    return {each for each in ids if parse_id(each) <= delivered} - others


async def _ledger_says(settings: Settings, command: Mapping[str, Any]) -> str:
    """What the ledger's books say of a money command."""
    ledger = LedgerClient.of(settings)
    try:
        listed = await ledger.get_transactions(command["loanAccountId"])
    except LedgerError as error:
        return f"no answer: {error.grpc_code}"
    finally:
        await ledger.close()
    if (transaction := command.get("transactionId")) is None:
        return f"the document names no transaction (it is {command.get('status')})"
    known = {posting.transaction_id for posting in listed.transactions}
    return "posted" if transaction in known else "not in its newest transactions"
