"""One consumer in a process of its own: says that it is ready, waits for the word, consumes, says how long.

Started by :mod:`bench.ingest`, with settings as any role has them, as
``python -m bench.contenders.contender NAME``.
"""

import json
import resource
import sqlite3
import sys
from collections.abc import Callable
from threading import Event
from time import perf_counter
from typing import Any

from pymongo import MongoClient
from redis import Redis
from redis._parsers import _RESP2Parser

from app.event_store.application import Servicing
from app.ingestion.stream.consumer import Consumer
from app.ingestion.stream.consumer_name import consumer_name
from app.runtime.servers.gc_tuning import favour_throughput
from app.runtime.settings.settings import Settings, get_settings

_DAY_S = 86_400


def floor(settings: Settings, client: Redis) -> None:
    """What nobody can do without: read 500, parse, insert in one statement, acknowledge."""
    database = sqlite3.connect(settings.event_store_url.removeprefix("sqlite:///"), isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(
        "CREATE TABLE stored_events (originator_id TEXT, originator_version INTEGER, topic TEXT, state BLOB, "
        "PRIMARY KEY (originator_id, originator_version))"
    )
    while entries := _read(client, settings, 500):
        rows = []
        for entry_id, fields in entries:
            raw = fields.get(b"dat") or fields[b"payload"]
            json.loads(raw)
            rows.append((entry_id.decode(), 1, fields.get(b"typ") or fields[b"event_type"], raw))
        database.execute("BEGIN")
        database.executemany("INSERT INTO stored_events VALUES (?,?,?,?)", rows)
        database.execute("COMMIT")
        client.xack(settings.inbox_stream, settings.consumer_group, *(entry_id for entry_id, _ in entries))
    database.close()


def plain(settings: Settings, client: Redis) -> None:
    """The usual consumer: a message at a time, each with its round trips."""
    mongo: MongoClient[dict[str, Any]] = MongoClient(settings.mongo_url)
    documents = mongo[settings.mongo_db]["plain"]
    while entries := _read(client, settings, 10):
        for entry_id, fields in entries:
            seen = f"{settings.mongo_db}:seen:{(fields.get(b'event_id') or entry_id).decode()}"
            if not client.exists(seen):
                payload = json.loads(fields.get(b"dat") or fields[b"payload"])
                key = (fields.get(b"cid") or fields[b"user_id"]).decode()
                documents.update_one({"_id": key}, _change(payload), upsert=True)
                client.set(seen, 1, ex=_DAY_S)
            client.xack(settings.inbox_stream, settings.consumer_group, entry_id)
    mongo.close()


def ours(settings: Settings, client: Redis) -> None:
    """``billie ingest --drain``, without its start."""
    favour_throughput()
    servicing = Servicing.from_url(settings.event_store_url, cache=settings.aggregate_cache)
    with consumer_name(settings) as name:
        Consumer(settings, client, servicing, Event(), name).run(drain=True)
    servicing.close()


CONTENDERS: dict[str, Callable[[Settings, Redis], None]] = {
    "floor": floor,
    "floor-without-hiredis": floor,
    "plain": plain,
    "ours": ours,
}


def _change(payload: dict[str, Any]) -> dict[str, Any]:
    if "utterance" in payload:
        return {"$push": {"utterances": payload}}
    return {
        "$set": {key: value for key, value in payload.items() if not key.startswith("$") and "." not in key}
    }


def _read(client: Redis, settings: Settings, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
    answer: Any = client.xreadgroup(
        settings.consumer_group, "contender", {settings.inbox_stream: ">"}, count=count
    )
    return list(answer[0][1]) if answer else []


def main(name: str) -> None:
    """Ready, wait, consume, tell."""
    settings = get_settings()
    parser = {"parser_class": _RESP2Parser} if name == "floor-without-hiredis" else {}
    client: Redis = Redis.from_url(settings.redis_url, protocol=2, **parser)  # type: ignore[arg-type]
    client.ping()
    print("ready", flush=True)
    sys.stdin.readline()
    start = perf_counter()
    CONTENDERS[name](settings, client)
    seconds = perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
