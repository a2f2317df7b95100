"""What a quiet run makes of the entries on a stream: what every other run of them must come to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from redis import Redis

from app.runtime.settings import Settings
from tests.commands import Billie
from tests.observed import dead_letters, documents

Seen = tuple[dict[str, list[dict[str, Any]]], list[tuple[str, str, str]]]


def seen(database: Database[dict[str, Any]], client: Redis, settings: Settings) -> Seen:
    """All documents, and of each dead letter the entry, the reason and the path, in order of the entries."""
    letters = [(each["entry_id"], each["reason"], each["path"]) for each in dead_letters(client, settings)]
    return documents(database), sorted(letters)


def differences(found: Seen, wanted: Seen) -> list[str]:
    """Where they differ, a line a field: documents by collection and id, and the dead letters."""
    lines = []
    for name, documents_wanted in wanted[0].items():
        by_id = {document["_id"]: document for document in found[0][name]}
        for document in documents_wanted:
            other = by_id.pop(document["_id"], {})
            for key in sorted(document.keys() | other.keys()):
                if document.get(key) != other.get(key):
                    lines.append(
                        f"{name} {document['_id']} {key}: {other.get(key)!r}, not {document.get(key)!r}"
                    )
        lines += [f"{name} {identifier}: nobody made it" for identifier in by_id]
    if found[1] != wanted[1]:
        lines.append(f"dead letters: {set(found[1]) ^ set(wanted[1])}")
    return lines


@contextmanager
def undisturbed(settings: Settings, client: Redis, folder: Path) -> Iterator[Seen]:
    """Read the stream as another group, into a store and a database of its own in ``folder``."""
    quiet = settings.model_copy(
        update={
            "consumer_group": "quiet",
            "consumer_name": "quiet",
            "dead_letter_stream": "dlq:quiet",
            "mongo_db": f"{settings.mongo_db}-quiet",
            "event_store_url": f"sqlite:///{folder / 'quiet.db'}",
        }
    )
    billie = Billie.of(quiet)
    billie.run("ingest", "--drain")
    billie.run("project", "--drain")
    with MongoClient[dict[str, Any]](settings.mongo_url, tz_aware=True) as mongo:
        database = mongo[quiet.mongo_db]
        yield seen(database, client, quiet)
        mongo.drop_database(database)


def differences(found: Seen, expected: Seen) -> list[str]:
    """Where two runs differ: each document with its fields, and each dead letter that only one has."""
    told = [str(letter) for letter in sorted(set(found[1]) ^ set(expected[1]))]
    for name, documents_ in expected[0].items():
        ours, theirs = ({each["_id"]: each for each in side} for side in (found[0][name], documents_))
        for key in sorted(ours.keys() | theirs.keys()):
            one, other = ours.get(key, {}), theirs.get(key, {})
            if fields := sorted(field for field in one | other if one.get(field) != other.get(field)):
                told.append(f"{name}/{key}: {', '.join(fields)}")
    return told
