"""How far a reader of changes has come: the id of an event, which they send back to resume after it.

It is a position in the event store up to which they know all changes. A collection whose projection is behind
has its own position after it (``1042,loan-accounts:980``), so that a stalled one holds up no other.
"""

import re
from collections.abc import Mapping

_BOOKMARK = re.compile(r"([0-9]{1,18})((?:,[a-z-]+:[0-9]{1,18})*)", re.ASCII)


def format_bookmark(positions: Mapping[str, int]) -> str:
    """The bookmark for the positions of some collections."""
    furthest = max(positions.values(), default=0)
    behind = (f",{name}:{position}" for name, position in sorted(positions.items()) if position < furthest)
    return f"{furthest}{''.join(behind)}"


def parse_bookmark(bookmark: str, collections: Mapping[str, object]) -> dict[str, int]:
    """The position of each collection. Raises ValueError for an invalid bookmark."""
    found = _BOOKMARK.fullmatch(bookmark)
    if found is None:
        msg = "no bookmark"
        raise ValueError(msg)
    positions = dict.fromkeys(collections, int(found[1]))
    for each in found[2].split(",")[1:]:
        name, _, position = each.partition(":")
        if name not in collections:
            msg = "an unknown collection"
            raise ValueError(msg)
        positions[name] = int(position)
    return positions
