"""How far a reader of changes has come: the id of an event, which they send back to go on after it.

It is a position in the event store, up to which they know all changes. Of a collection whose projection is
behind the others they know less: then its own position follows (``1042,loan-accounts:980``), so that one that
stands holds up no other, and what it has to tell later is not lost either.
"""

import re
from collections.abc import Mapping

_BOOKMARK = re.compile(r"([0-9]{1,18})((?:,[a-z-]+:[0-9]{1,18})*)", re.ASCII)


def written(positions: Mapping[str, int]) -> str:
    """The bookmark for the positions of some collections."""
    furthest = max(positions.values(), default=0)
    behind = (f",{name}:{position}" for name, position in sorted(positions.items()) if position < furthest)
    return f"{furthest}{''.join(behind)}"


def read(bookmark: str, collections: Mapping[str, object]) -> dict[str, int]:
    """The position of each collection. Raises ValueError for what is no bookmark."""
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
