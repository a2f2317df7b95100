"""After the event store was restored to an earlier time: what documents, stream and ledger know beyond it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from pymongo.database import Database
from redis import Redis

from app.aggregates import ContactNote, LedgerCommand, WriteOffRequest
from app.aggregates.base import Aggregate
from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import read_entry
from app.ingestion.messages.parsers import Parsers
from app.ingestion.messages.rejection import RejectedError
from app.ingestion.stream.scripts import set_aside_key
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerError
from app.projections.engine.positions import COLLECTION, is_of_another_store
from app.projections.engine.projection import Projection
from app.runtime.settings.settings import Settings

_AT_ONCE = 500
_ASKED_OF_STAFF: Mapping[str, type[Aggregate]] = {
    "contact-notes": ContactNote,
    "ledger-commands": LedgerCommand,
    "write-off-requests": WriteOffRequest,
}
"""What staff ask for over REST, by the read model that shows it: it is in no message, or need not be."""


@dataclass
class Ahead:
    """A read model that came further than the store, or whose last event is another one there."""

    projection: str
    position: int
    documents: int
    """How many of them were written by events beyond the store."""


@dataclass
class OnlyShown:
    """A document of what staff asked for, of which the store has no event, or not the last one."""

    projection: str
    document: dict[str, Any]
    stored: str | None = None
    """Its status there, where it is another one."""
    ledger: str | None = None
    """Of a money command: what the ledger's books say."""


@dataclass
class Reconciliation:
    """What is beyond the store. Where all of it is empty, nothing is."""

    newest: int
    ahead: list[Ahead] = field(default_factory=list)
    only_shown: list[OnlyShown] = field(default_factory=list)
    not_erased: list[str] = field(default_factory=list)
    """Customers whose documents are erased, and whose events can be read again."""
    on_stream: int = 0
    """How many messages the stream holds."""
    unread: int = 0
    """How many of them nobody has taken yet, or they are in hand."""
    taken_and_lost: int = 0
    """How many were acknowledged, and have no event: they are to be read again."""
    unreadable: int = 0
    """How many were acknowledged, cannot be read here, and are no dead letters: nobody can say."""

    @property
    def has_other_documents(self) -> bool:
        """Whether there are documents of what the store has not, so that they are to be folded anew."""
        return bool(self.ahead or self.only_shown or self.not_erased)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.has_other_documents or self.taken_and_lost or self.unreadable)

    def plain(self) -> dict[str, Any]:
        """As JSON has it, but for the documents' content."""
        return {
            "newestPosition": self.newest,
            "ahead": [asdict(each) for each in self.ahead],
            "onlyShown": [
                {
                    "readModel": each.projection,
                    "id": each.document["_id"],
                    "stored": each.stored,
                    "ledger": each.ledger,
                }
                for each in self.only_shown
            ],
            "notErased": self.not_erased,
            "stream": {
                "messages": self.on_stream,
                "unread": self.unread,
                "takenAndLost": self.taken_and_lost,
                "unreadable": self.unreadable,
            },
        }


def read_models_ahead(
    servicing: Servicing, database: Database[dict[str, Any]], projections: Mapping[str, Projection]
) -> Iterator[Ahead]:
    """Those that must not be followed on from where they are."""
    newest = servicing.max_position()
    for record in database[COLLECTION].find({"_id": {"$in": list(projections)}}):
        if record["position"] > newest or is_of_another_store(record, servicing):
            beyond = {"_position": {"$gt": newest}}
            yield Ahead(record["_id"], record["position"], database[record["_id"]].count_documents(beyond))


def only_shown(servicing: Servicing, database: Database[dict[str, Any]]) -> Iterator[OnlyShown]:
    """What staff asked for, and only documents tell of any more."""
    for name, kind in _ASKED_OF_STAFF.items():
        for some in _parts(database[name].find()):
            stored = servicing.load_many([(kind, each["_id"]) for each in some])
            for each in some:
                if (kind, each["_id"]) not in stored:
                    continue  # It has events, of which one cannot be read: a newer release has put it there.
                aggregate: Any = stored[kind, each["_id"]]
                if aggregate is None:
                    yield OnlyShown(name, each)
                elif (status := getattr(aggregate, "status", None)) not in (None, each.get("status")):
                    yield OnlyShown(name, each, stored=str(status))


def not_erased(servicing: Servicing, database: Database[dict[str, Any]]) -> list[str]:
    """Customers who were erased after the time that the store was restored to."""
    erased = {customer for _, _, customer in servicing.privacy.tables.erased_after(0)}
    shown = (each["_id"] for each in database["customers"].find({"erasedAt": {"$exists": True}}, {"_id": 1}))
    return sorted(set(shown) - erased)


def look_at_stream(
    servicing: Servicing, redis: Redis, settings: Settings, found: Reconciliation, parsers: Parsers
) -> None:
    """Count what the stream holds, and what of it was acknowledged without an event in this store."""
    for some in _parts(_entries(redis, settings.inbox_stream)):
        settled = _settled(redis, settings, [entry_id for entry_id, _ in some])
        told: dict[bytes, tuple[tuple[type[Aggregate], str], str]] = {}
        for entry_id, fields in some:
            try:
                message = read_entry(
                    settings.inbox_stream, entry_id, fields, settings.max_message_bytes, parsers
                )
            except RejectedError:
                found.on_stream += entry_id in settled
                found.unreadable += entry_id in settled
                continue
            if message is None:
                continue
            found.on_stream += 1
            if entry_id not in settled:
                found.unread += 1
            elif message.failure is not None:
                found.unreadable += 1
            else:
                told[entry_id] = (next(iter(message.concerns())), message.envelope.source.message_id)
        loaded = servicing.load_many({key for key, _ in told.values()})
        for key, message_id in told.values():
            if key in loaded:  # Otherwise it has events, of which one cannot be read.
                aggregate = loaded[key]
                found.taken_and_lost += aggregate is None or message_id not in aggregate.absorbed


async def ask_ledger(ledger: LedgerClient, lost: Sequence[OnlyShown]) -> None:
    """Note, of each money command that only a document shows, what the ledger's books say of it."""
    books: dict[str, set[str] | str] = {}
    for each in lost:
        if each.projection != "ledger-commands":
            continue
        account = each.document["loanAccountId"]
        if account not in books:
            try:
                listed = await ledger.get_transactions(account)
                books[account] = {posting.transaction_id for posting in listed.transactions}
            except LedgerError as error:
                books[account] = f"it does not say: {error.grpc_code}"
        known, transaction = books[account], each.document.get("transactionId")
        if isinstance(known, str):
            each.ledger = known
        elif transaction is None:
            each.ledger = f"the document names no transaction (it is {each.document.get('status')})"
        else:
            each.ledger = "posted" if transaction in known else "not in its newest transactions"


def replay_stream(redis: Redis, settings: Settings) -> None:
    """Have the group read all again that the stream holds. What was absorbed changes nothing.

    Where there is no group, whoever consumes first makes one, which begins with the oldest entry too.
    """
    if _group(redis, settings) is not None:
        redis.xgroup_setid(settings.inbox_stream, settings.consumer_group, "0")


def _settled(redis: Redis, settings: Settings, ids: Sequence[bytes]) -> set[bytes]:
    """Of some entries that follow one another, those that were read, and are not pending or set aside."""
    stream, group = settings.inbox_stream, settings.consumer_group
    if (mine := _group(redis, settings)) is None:
        return set()
    pending: Any = redis.xpending_range(stream, group, ids[0], ids[-1], len(ids))
    in_hand, read_up_to = {each["message_id"] for each in pending}, _order(mine["last-delivered-id"])
    aside: Any = redis.smismember(set_aside_key(stream, settings.dead_letter_stream), [*ids])
    in_hand |= {each for each, is_aside in zip(ids, aside, strict=True) if is_aside}
    return {each for each in ids if _order(each) <= read_up_to and each not in in_hand}


def _group(redis: Redis, settings: Settings) -> dict[str, Any] | None:
    if not redis.exists(settings.inbox_stream):
        return None
    groups: Any = redis.xinfo_groups(settings.inbox_stream)
    return next((each for each in groups if each["name"] == settings.consumer_group.encode()), None)


def _entries(redis: Redis, stream: str) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    after = b"-"
    while page := redis.xrange(stream, min=after, count=_AT_ONCE):
        entries: Any = page
        yield from entries
        after = b"(" + entries[-1][0]


def _order(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition(b"-")
    return int(milliseconds), int(number)


def _parts(items: Any) -> Iterator[list[Any]]:
    remaining = iter(items)
    while part := list(islice(remaining, _AT_ONCE)):
        yield part
