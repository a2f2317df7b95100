"""The collections that a rebuild fills beside the live ones, with the same validators and indexes."""

from typing import Any

from pymongo.database import Database

from app.projections.migrations import all_migrations
from app.projections.projection import Projection

PREFIX = "_rebuild."
_GIVEN = ("v", "ns", "key")


def collections(projection: Projection) -> list[str]:
    """The live collections of a projection; its own is the last."""
    lookup = projection.lookup
    return [*([lookup.collection] if lookup else []), projection.name]


def create_shadows(database: Database[dict[str, Any]], projection: Projection) -> None:
    """Make the shadow collections, empty. What an earlier rebuild left is dropped."""
    drop_shadows(database, projection)
    names = collections(projection)
    options = _options(database, names)
    if projection.name not in options:
        # Somebody dropped it. Migrations may run again, and only make what is missing.
        for migration in all_migrations():
            migration.run(database)
        options = _options(database, names)
    for name in names:
        shadow = database.create_collection(PREFIX + name, **options.get(name, {}))
        for index in database[name].list_indexes():
            if index["name"] != "_id_":
                given = {option: value for option, value in index.items() if option not in _GIVEN}
                shadow.create_index(list(index["key"].items()), **given)


def drop_shadows(database: Database[dict[str, Any]], projection: Projection) -> None:
    """Drop the shadow collections, where there are any."""
    for name in collections(projection):
        database.drop_collection(PREFIX + name)


def rename_shadows(database: Database[dict[str, Any]], projection: Projection) -> None:
    """Put each shadow in the place of its live collection: at no moment is there none.

    What was renamed already is left alone, so that a rename which a crash cut short can be finished.
    """
    for name in collections(projection):
        if database.list_collection_names(filter={"name": PREFIX + name}):
            database.client.admin.command(
                {
                    "renameCollection": f"{database.name}.{PREFIX}{name}",
                    "to": f"{database.name}.{name}",
                    "dropTarget": True,
                }
            )


def _options(database: Database[dict[str, Any]], names: list[str]) -> dict[str, dict[str, Any]]:
    found = database.list_collections(filter={"name": {"$in": names}})
    return {each["name"]: each.get("options", {}) for each in found}
