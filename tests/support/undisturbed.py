"""What a quiet run makes of the entries on a stream: what every other run of them must come to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from redis import Redis

from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.observed import IN_ANY_ORDER, dead_letters, documents

_WITHIN_S = 1_200
"""Each command: of an hour's messages, on a machine that does other things as well."""

Seen = tuple[dict[str, list[dict[str, Any]]], list[tuple[str, str, str]]]


def seen(database: Database[dict[str, Any]], client: Redis, settings: Settings) -> Seen:
    """All documents that no order changes; of each dead letter entry, reason and path, in entries' order."""
    rejected = [(each["entry_id"], each["reason"], each["path"]) for each in dead_letters(client, settings)]
    return documents(database, IN_ANY_ORDER), sorted(rejected)


@contextmanager
def undisturbed(settings: Settings, client: Redis, event_store_url: str) -> Iterator[Seen]:
    """Read the stream as another group, into this empty store, and a database of its own."""
    quiet = settings.model_copy(
        update={
            "consumer_group": "quiet",
            "consumer_name": "quiet",
            "dead_letter_stream": "dlq:quiet",
            "mongo_db": f"{settings.mongo_db}-quiet",
            "event_store_url": event_store_url,
        }
    )
    billie = Billie.of(quiet)
    billie.run("ingest", "--drain", within_s=_WITHIN_S)
    billie.run("project", "--drain", within_s=_WITHIN_S)
    with MongoClient[dict[str, Any]](settings.mongo_url, tz_aware=True) as mongo:
        database = mongo[quiet.mongo_db]
        yield seen(database, client, quiet)
        mongo.drop_database(database)


def differences(found: Seen, expected: Seen) -> list[str]:
    """Where two runs differ: each document with its fields, and each dead letter that only one has."""
    lines = [str(dead_letter) for dead_letter in sorted(set(found[1]) ^ set(expected[1]))]
    for name, documents_ in expected[0].items():
        ours, theirs = ({each["_id"]: each for each in side} for side in (found[0][name], documents_))
        for key in sorted(ours.keys() | theirs.keys()):
            one, other = ours.get(key, {}), theirs.get(key, {})
            if fields := sorted(field for field in one | other if one.get(field) != other.get(field)):
                lines.append(f"{name}/{key}: {', '.join(fields)}")
    return lines
