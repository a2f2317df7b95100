"""Publishes entries on a stream, as an upstream service does."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import orjson
from redis import Redis

_BATCH = 1_000


def publish(client: Redis, stream: str, entries: Iterable[dict[str, str]]) -> int:
    """XADD all entries, in order. Returns how many."""
    return sum(1 for _ in published(client, stream, entries))


def published(
    client: Redis, stream: str, entries: Iterable[dict[str, str]]
) -> Iterator[tuple[dict[str, str], str]]:
    """XADD all entries, in order, a thousand in one transaction; yields each with its id."""
    remaining = iter(entries)
    while batch := list(islice(remaining, _BATCH)):
        pipeline = client.pipeline(transaction=True)
        for entry in batch:
            pipeline.xadd(stream, entry)  # type: ignore[arg-type]
        ids = pipeline.execute()
        yield from zip(batch, (each.decode() for each in ids), strict=True)


def as_entry(value: object) -> dict[str, str]:
    """The fields of an entry, from a JSON object; a value that is not a string becomes JSON text.

    Raises ValueError for anything but an object with at least one field, and for what cannot be encoded.
    """
    if not isinstance(value, dict) or not value:
        raise ValueError("an entry is a JSON object with at least one field")
    if isinstance(value.get("entries"), list) and len(value) == 1:
        raise ValueError("give one entry or a list of entries, not an object that holds them")
    try:
        entry = {
            name: each if isinstance(each, str) else orjson.dumps(each).decode()
            for name, each in value.items()
        }
        for name, text in entry.items():
            (name + text).encode()
    except (TypeError, UnicodeEncodeError) as error:
        # The library's message may quote the value.
        raise ValueError("an entry holds half a surrogate pair, or an integer beyond 64 bits") from error
    return entry


def file_entries(path: Path) -> Iterator[dict[str, str]]:
    """The entries of a JSON-lines file, an object a line.

    Raises ValueError, with the line's number, for a bad line, and OSError for a file that cannot be read.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield as_entry(orjson.loads(line))
            except ValueError as error:
                why = "not JSON: " if isinstance(error, orjson.JSONDecodeError) else ""
                raise ValueError(f"{path}, line {number}: {why}{error}") from error
