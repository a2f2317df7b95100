"""Puts entries on a stream, as an upstream service would."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import orjson
from redis import Redis

_BATCH = 1_000


def publish(client: Redis, stream: str, entries: Iterable[dict[str, str]]) -> int:
    """XADD all entries, in order, a thousand in a round trip. Returns how many."""
    count = 0
    remaining = iter(entries)
    while batch := list(islice(remaining, _BATCH)):
        pipeline = client.pipeline(transaction=False)
        for entry in batch:
            pipeline.xadd(stream, entry)  # type: ignore[arg-type]
        pipeline.execute()
        count += len(batch)
    return count


def read_entries(lines: IO[str], name: str) -> Iterator[dict[str, str]]:
    """The entries of a JSON-lines file: an object a line; a value that is no string becomes JSON.

    Raises ValueError, with the file and line, for a line that is not an object.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            msg = f"{name}, line {number}: not JSON: {error}"
            raise ValueError(msg) from error
        if not isinstance(entry, dict) or not entry:
            msg = f"{name}, line {number}: an entry is a JSON object with at least one field"
            raise ValueError(msg)
        yield {
            key: value if isinstance(value, str) else orjson.dumps(value).decode()
            for key, value in entry.items()
        }


def publish_file(client: Redis, stream: str, path: Path) -> int:
    """Publish a JSON-lines file. Returns the number of entries.

    Raises ValueError for a bad line, and OSError for a file that cannot be read.
    """
    with path.open(encoding="utf-8") as lines:
        try:
            return publish(client, stream, read_entries(lines, str(path)))
        except UnicodeDecodeError as error:
            msg = f"{path} is no text in UTF-8"
            raise ValueError(msg) from error
