"""Puts entries on a stream, as an upstream service would."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson
from redis import Redis

_BATCH = 1_000


def publish(client: Redis, stream: str, entries: Iterable[dict[str, str]]) -> int:
    """XADD all entries, in order. Returns how many."""
    return sum(1 for _ in published(client, stream, entries))


def published(
    client: Redis, stream: str, entries: Iterable[dict[str, str]]
) -> Iterator[tuple[dict[str, str], str]]:
    """XADD all entries, in order, a thousand in one step; yields each with the id that it was given."""
    remaining = iter(entries)
    while batch := list(islice(remaining, _BATCH)):
        pipeline = client.pipeline(transaction=True)
        for entry in batch:
            pipeline.xadd(stream, entry)  # type: ignore[arg-type]
        ids = pipeline.execute()
        yield from zip(batch, (each.decode() for each in ids), strict=True)


def as_entry(value: Any) -> dict[str, str]:
    """The fields of an entry, from a JSON object: a value that is no string becomes JSON text.

    Raises ValueError, without a place, for what is no object with at least one field, or cannot be written.
    """
    if not isinstance(value, dict) or not value:
        msg = "an entry is a JSON object with at least one field"
        raise ValueError(msg)
    if isinstance(value.get("entries"), list) and len(value) == 1:
        msg = "give a list of entries, or one entry, and no object that holds them"
        raise ValueError(msg)
    try:
        entry = {
            name: each if isinstance(each, str) else orjson.dumps(each).decode()
            for name, each in value.items()
        }
        for name, text in entry.items():
            (name + text).encode()
    except (TypeError, UnicodeEncodeError) as error:
        # What these say may quote the value.
        msg = "an entry holds half a surrogate pair, or an integer beyond 64 bits"
        raise ValueError(msg) from error
    return entry


def read_entries(lines: IO[str], name: str) -> Iterator[dict[str, str]]:
    """The entries of a JSON-lines file: an object a line.

    Raises ValueError, with the file and line, for a line that is not an object.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            msg = f"{name}, line {number}: not JSON: {error}"
            raise ValueError(msg) from error
        try:
            yield as_entry(value)
        except ValueError as error:
            msg = f"{name}, line {number}: {error}"
            raise ValueError(msg) from error


def file_entries(path: Path) -> Iterator[dict[str, str]]:
    """The entries of a JSON-lines file.

    Raises ValueError for a bad line, and OSError for a file that cannot be read.
    """
    with path.open(encoding="utf-8") as lines:
        try:
            yield from read_entries(lines, str(path))
        except UnicodeDecodeError as error:
            msg = f"{path} is no text in UTF-8"
            raise ValueError(msg) from error


def publish_file(client: Redis, stream: str, path: Path) -> int:
    """Publish a JSON-lines file. Returns the number of entries. Raises as :func:`file_entries` does."""
    return publish(client, stream, file_entries(path))
