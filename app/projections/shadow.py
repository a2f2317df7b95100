"""The collections that a rebuild fills beside the live ones, and how they take over.

MongoDB renames a collection in a moment, whatever its size, with its validators and indexes: readers have the
old one or the new one. The embedded server moves each document and index entry on its own for that, at
some 50 ms a document, and a crash on the way loses them. There the live documents that differ are exchanged
in one transaction, which readers see whole or not at all.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, InsertOne, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from app.projections.backing import MongoBacking, decoded
from app.projections.migrations import all_migrations
from app.projections.projection import Projection

PREFIX = "_rebuild."
_GIVEN = ("v", "ns", "key")
_WRITES = 1_000

Raw = tuple[str, bytes]
"""A document's ``_id``, and the whole as BSON."""
Change = InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]] | DeleteOne


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
    changes = {name: list(_changes(database, name)) for name in there}
    if any(changes.values()):
        with database.client.start_session() as session:
            session.with_transaction(lambda session: _exchange(database, changes, session))
    drop_shadows(database, projection)


def _rename(database: Database[dict[str, Any]], name: str) -> None:
    here = f"{database.name}.{PREFIX}{name}"
    database.client.admin.command(
        {"renameCollection": here, "to": f"{database.name}.{name}", "dropTarget": True}
    )


def _exchange(
    database: Database[dict[str, Any]],
    changes: dict[str, list[tuple[type[Change], str]]],
    session: ClientSession,
) -> None:
    for name, listed in changes.items():
        left, shadow = iter(listed), MongoBacking(database[PREFIX + name])
        while page := list(islice(left, _WRITES)):
            wanted = [identifier for kind, identifier in page if kind is not DeleteOne]
            documents = {each["_id"]: each for each in shadow.fetch(wanted)}
            writes: list[Change] = []
            for kind, identifier in page:
                if kind is DeleteOne:
                    writes.append(DeleteOne({"_id": identifier}))
                elif kind is InsertOne:
                    writes.append(InsertOne(documents[identifier]))
                else:
                    writes.append(ReplaceOne({"_id": identifier}, documents[identifier]))
            # The shadow was held to the validator already, but for what says only that it is set aside.
            database[name].bulk_write(writes, ordered=False, session=session, bypass_document_validation=True)


def _changes(database: Database[dict[str, Any]], name: str) -> Iterator[tuple[type[Change], str]]:
    """What makes the live collection the shadow: goes through both in order of ``_id``."""
    for identifier, new, old in side_by_side(in_order(database, PREFIX + name), in_order(database, name)):
        if old is None:
            yield InsertOne, identifier
        elif new is None:
            yield DeleteOne, identifier
        elif new != old and decoded(new) != decoded(old):
            yield ReplaceOne, identifier


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
