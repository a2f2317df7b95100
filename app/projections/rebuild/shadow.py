"""The collections that a rebuild fills beside the live ones, and how they take over.

MongoDB renames a collection in a moment, whatever its size, with its validators and indexes: readers have the
old one or the new one. The embedded server moves each document and index entry on its own for that, at
some 50 ms a document, and a crash on the way loses them. There the live documents that differ are exchanged
in one transaction, which readers see whole or not at all; in several where they are more than its cache may
hold of a transaction, so that readers see some documents rebuilt before others for a moment, each one whole.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import chain, groupby
from typing import Any, NamedTuple

from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, InsertOne, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from app.projections.engine.document_store import MongoDocumentStore, decoded
from app.projections.engine.projection import Projection
from app.projections.migrations import all_migrations

PREFIX = "_rebuild."
_GIVEN = ("v", "ns", "key")
_WRITES = 1_000
_BYTES = 16 * 1024 * 1024
"""Of documents in one exchange. The embedded server stands for ever where a transaction's writes, with what
its own log holds of them, come near a fifth of its cache of 1 GiB (seen with 80 MB of documents)."""

Raw = tuple[str, bytes]
"""A document's ``_id``, and the whole as BSON."""
Write = InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]] | DeleteOne


class Change(NamedTuple):
    """What makes one live document the shadow's, and how many bytes that writes."""

    collection: str
    kind: type[Write]
    identifier: str
    size: int


class Takeover(StrEnum):
    """How a shadow comes into the place of the live collection."""

    RENAME = "rename"
    EXCHANGE = "exchange"


def takeover_of(database: Database[dict[str, Any]]) -> Takeover:
    """The one that suits the server."""
    is_embedded = "secantusVersion" in database.client.admin.command("buildInfo")
    return Takeover.EXCHANGE if is_embedded else Takeover.RENAME


def create_shadows(database: Database[dict[str, Any]], projection: Projection) -> None:
    """Make the shadow collections, empty, with the validators of the live ones.

    What an earlier rebuild left is dropped. Indexes come later: it is faster to fill a collection without.
    """
    drop_shadows(database, projection)
    if not database.list_collection_names(filter={"name": projection.name}):
        # Somebody dropped it. Migrations may run again, and only make what is missing.
        for migration in all_migrations():
            migration.run(database)
    names = projection.collections()
    live = {each["name"]: each for each in database.list_collections(filter={"name": {"$in": names}})}
    for name in names:
        database.create_collection(PREFIX + name, **live.get(name, {}).get("options", {}))


def index_shadows(database: Database[dict[str, Any]], projection: Projection) -> None:
    """Give the shadow collections the indexes of the live ones."""
    for name in projection.collections():
        for index in database[name].list_indexes():
            if index["name"] != "_id_":
                given = {option: value for option, value in index.items() if option not in _GIVEN}
                database[PREFIX + name].create_index(list(index["key"].items()), **given)


def drop_shadows(database: Database[dict[str, Any]], projection: Projection) -> None:
    """Drop the shadow collections, where there are any."""
    is_embedded = takeover_of(database) == Takeover.EXCHANGE
    for name in projection.collections():
        if is_embedded:
            database[PREFIX + name].delete_many({})  # The embedded server drops one by one what is in it.
        database.drop_collection(PREFIX + name)


def take_over(database: Database[dict[str, Any]], projection: Projection, how: Takeover) -> None:
    """Put the shadows in the place of the live collections: for whoever has the projection's lease.

    At no moment is there no collection, or half of one. To be called again after a crash: what took over
    already is left alone.
    """
    there = [
        name
        for name in projection.collections()
        if database.list_collection_names(filter={"name": PREFIX + name})
    ]
    if how == Takeover.RENAME:
        for name in there:
            _rename(database, name)
        return
    for changes in _exchanges(list(chain.from_iterable(_changes(database, name) for name in there))):
        _exchange(database, changes)
    drop_shadows(database, projection)


def _rename(database: Database[dict[str, Any]], name: str) -> None:
    here = f"{database.name}.{PREFIX}{name}"
    database.client.admin.command(
        {"renameCollection": here, "to": f"{database.name}.{name}", "dropTarget": True}
    )


def _exchanges(changes: list[Change]) -> Iterator[list[Change]]:
    """The changes in as few parts as the server can take in a transaction."""
    part: list[Change] = []
    size = 0
    for change in changes:
        if part and size + change.size > _BYTES:
            yield part
            part, size = [], 0
        part.append(change)
        size += change.size
    if part:
        yield part


def _exchange(database: Database[dict[str, Any]], changes: list[Change]) -> None:
    """Make the changes in one transaction."""
    writes = {
        name: _writes(database, name, list(each)) for name, each in groupby(changes, lambda it: it.collection)
    }

    def write(session: ClientSession) -> None:
        for name, listed in writes.items():
            for start in range(0, len(listed), _WRITES):
                page = listed[start : start + _WRITES]
                # The shadow was held to the validator already, but for what says only that it is set aside.
                database[name].bulk_write(
                    page, ordered=False, session=session, bypass_document_validation=True
                )

    with database.client.start_session() as session:
        session.with_transaction(write)


def _writes(database: Database[dict[str, Any]], name: str, changes: list[Change]) -> list[Write]:
    wanted = [each.identifier for each in changes if each.kind is not DeleteOne]
    documents = {each["_id"]: each for each in MongoDocumentStore(database[PREFIX + name]).fetch(wanted)}
    writes: list[Write] = []
    for change in changes:
        if change.kind is DeleteOne:
            writes.append(DeleteOne({"_id": change.identifier}))
        elif change.kind is InsertOne:
            writes.append(InsertOne(documents[change.identifier]))
        else:
            writes.append(ReplaceOne({"_id": change.identifier}, documents[change.identifier]))
    return writes


def _changes(database: Database[dict[str, Any]], name: str) -> Iterator[Change]:
    """What makes the live collection the shadow: goes through both in order of ``_id``."""
    for identifier, new, old in side_by_side(in_order(database, PREFIX + name), in_order(database, name)):
        if new is None:
            yield Change(name, DeleteOne, identifier, 0)
        elif old is None:
            yield Change(name, InsertOne, identifier, len(new))
        elif new != old and decoded(new) != decoded(old):
            yield Change(name, ReplaceOne, identifier, len(new))


def in_order(database: Database[dict[str, Any]], name: str) -> Iterator[Raw]:
    """All documents of a collection, in order of ``_id``, not decoded."""
    collection = database[name]
    raw = collection.with_options(
        codec_options=collection.codec_options.with_options(document_class=RawBSONDocument)
    )
    for document in raw.find({}, sort=[("_id", 1)], batch_size=1_000):
        yield document["_id"], document.raw


def side_by_side(
    ours: Iterator[Raw], theirs: Iterator[Raw]
) -> Iterator[tuple[str, bytes | None, bytes | None]]:
    """Each ``_id`` of two ordered sides, with what either has of it."""
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None
            yield one[0], one[1], None
            one = next(ours, None)
        elif one is None or other[0] < one[0]:
            yield other[0], None, other[1]
            other = next(theirs, None)
        else:
            yield one[0], one[1], other[1]
            one, other = next(ours, None), next(theirs, None)
