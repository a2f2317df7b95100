"""What documents, stream and ledger know that a restored event store does not."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, cast

from pydantic import Field
from pymongo.database import Database
from redis import Redis

from app.aggregates import ContactNote, LedgerCommand, WriteOffRequest
from app.aggregates.base import Aggregate, Key
from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import read_entry
from app.ingestion.messages.parsers import Parsers
from app.ingestion.messages.rejection import RejectedError
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerError
from app.operations.read_your_writes import set_aside, unacknowledged
from app.projections.engine.positions import COLLECTION, is_of_other_store
from app.projections.read_models.versions import VERSIONS
from app.runtime.camel_model import CamelModel
from app.runtime.humanize import counted
from app.runtime.settings.settings import Settings

_MOST_NAMED = 10
_PAGE = 500
_ASKED_BY_STAFF: dict[str, type[Aggregate]] = {
    "contact-notes": ContactNote,
    "ledger-commands": LedgerCommand,
    "write-off-requests": WriteOffRequest,
}
"""What staff ask for over REST, by its read model: it may be in no message."""
Documents = Database[dict[str, Any]]


class Ahead(CamelModel):
    """A read model beyond the end of the store, or whose last event is another one there.

    ``documents`` of it were written by events beyond the store.
    """

    projection: str
    position: int
    documents: int

    def __str__(self) -> str:
        beyond = counted(self.documents, "document")
        return f"{self.projection} is at position {self.position:,}, {beyond} beyond the store"


class OnlyShown(CamelModel):
    """A document of what staff asked for, of which the store lacks the events, or the last ones.

    ``stored`` is its status in the store, if that is another one; ``ledger`` what the ledger's books say of a
    money command.
    """

    read_model: str
    id: str
    stored: str | None = None
    ledger: str | None = None
    document: dict[str, Any] = Field(exclude=True)

    def __str__(self) -> str:
        both = f"{self.document.get('status')} in documents, and {self.stored} in the store"
        where = "in documents only" if self.stored is None else both
        ledger = f"; the ledger: {self.ledger}" if self.ledger else ""
        return f"{self.read_model} {self.id} is {where}{ledger}"


class StreamState(CamelModel):
    """The messages on the stream.

    ``unread`` were not read yet, or are being applied. ``takenAndLost`` were acknowledged, and have no event:
    they must be read again. ``unreadable`` were acknowledged, cannot be read here, and are no dead letters.
    """

    messages: int = 0
    unread: int = 0
    taken_and_lost: int = 0
    unreadable: int = 0


class Reconciliation(CamelModel):
    """What is beyond the store. ``notErased`` are customers who are erased in documents only."""

    newest_position: int
    ahead: list[Ahead]
    only_shown: list[OnlyShown]
    not_erased: list[str]
    stream: StreamState

    @property
    def has_other_documents(self) -> bool:
        """Whether there are documents of what the store lacks, so that they have to be rebuilt."""
        return bool(self.ahead or self.only_shown or self.not_erased)

    @property
    def is_complete(self) -> bool:
        return not (self.has_other_documents or self.stream.taken_and_lost or self.stream.unreadable)

    def lines(self) -> list[str]:
        stream, more = self.stream, len(self.only_shown) - _MOST_NAMED
        unreadable = counted(stream.unreadable, "message")
        return [
            f"The event store ends at position {self.newest_position:,}.",
            *map(str, self.ahead),
            f"The stream holds {counted(stream.messages, 'message')}: {stream.unread:,} not read yet, "
            f"{stream.taken_and_lost:,} acknowledged and not in the store",
            *([f"{unreadable} cannot be read: is a parser package missing?"] if stream.unreadable else []),
            *map(str, self.only_shown[:_MOST_NAMED]),
            *([f"… and {counted(more, 'other document')}: --save FILE has all"] if more > 0 else []),
            *(f"customer {each} was erased, and is readable again: erase it" for each in self.not_erased),
            "Nothing is beyond the store." if self.is_complete else "See docs/operations.md for what to do.",
        ]


def reconcile(
    servicing: Servicing, database: Documents, redis: Redis, settings: Settings, parsers: Parsers
) -> Reconciliation:
    """Compare them all. Raises LedgerSettingsError, and the errors of the three servers."""
    newest, erased = servicing.max_position(), servicing.privacy.tables.erased_after(0)
    shown_erased = database["customers"].find({"erasedAt": {"$exists": True}}, {"_id": 1})
    return Reconciliation(
        newest_position=newest,
        ahead=list(_ahead(servicing, database, newest)),
        only_shown=list(_only_shown(servicing, database, settings)),
        not_erased=sorted({each["_id"] for each in shown_erased} - {customer for *_, customer in erased}),
        stream=look_at_stream(servicing, redis, settings, parsers),
    )


def _ahead(servicing: Servicing, database: Documents, newest: int) -> Iterator[Ahead]:
    for record in database[COLLECTION].find({"_id": {"$in": list(VERSIONS)}}):
        name, position = record["_id"], record["position"]
        if position > newest or is_of_other_store(record, servicing):
            beyond = database[name].count_documents({"_position": {"$gt": newest}})
            yield Ahead(projection=name, position=position, documents=beyond)


def _only_shown(servicing: Servicing, database: Documents, settings: Settings) -> Iterator[OnlyShown]:
    for name, kind in _ASKED_BY_STAFF.items():
        documents = database[name].find()
        while page := list(islice(documents, _PAGE)):
            shown = {(kind, each["_id"]): each for each in page}
            # Without those that have an event that cannot be read: a newer release stored it.
            for key, aggregate in servicing.load_many(shown).items():
                document, status = shown[key], getattr(aggregate, "status", None)
                if aggregate is None or status not in (None, document.get("status")):
                    says = asyncio.run(_ledger_says(settings, document)) if kind is LedgerCommand else None
                    yield OnlyShown(read_model=name, id=key[1], stored=status, ledger=says, document=document)


def look_at_stream(servicing: Servicing, redis: Redis, settings: Settings, parsers: Parsers) -> StreamState:
    """Count the messages on the stream, and those that were acknowledged without an event in this store."""
    counts, after, stream = Counter[str](), "-", settings.inbox_stream
    while entries := cast("list[Any]", redis.xrange(stream, min=after, count=_PAGE)):
        ids = [each.decode() for each, _ in entries]
        after = f"({ids[-1]}"
        not_done = {*unacknowledged(redis, settings, ids), *set_aside(redis, settings, ids)}
        wanted: list[tuple[Key, str]] = []
        for entry_id, fields in entries:
            is_done = entry_id.decode() not in not_done
            try:
                message = read_entry(stream, entry_id, fields, settings.max_message_bytes, parsers)
            except RejectedError:  # It is a dead letter, unless it was acknowledged as something else.
                counts.update(("messages", "unreadable") if is_done else ())
                continue
            if message is None:
                continue
            counts["messages"] += 1
            if is_done and message.failure is None:
                wanted.append((next(iter(message.concerns())), message.envelope.source.message_id))
            else:
                counts["unreadable" if is_done else "unread"] += 1
        loaded = servicing.load_many({key for key, _ in wanted})
        counts["taken_and_lost"] += sum(
            (aggregate := loaded[key]) is None or message_id not in aggregate.absorbed
            for key, message_id in wanted
            if key in loaded  # Otherwise it has an event that cannot be read.
        )
    return StreamState(**counts)


async def _ledger_says(settings: Settings, command: dict[str, Any]) -> str:
    async with LedgerClient(settings) as ledger:
        try:
            listed = await ledger.get_transactions(command["loanAccountId"])
        except LedgerError as error:
            return f"no answer: {error.grpc_code}"
    if (transaction := command.get("transactionId")) is None:
        return f"the document names no transaction (it is {command.get('status')})"
    known = {posting.transaction_id for posting in listed.transactions}
    return "posted" if transaction in known else "not in its newest transactions"
