"""The pages that every page leads to."""

from typing import NamedTuple


class Link(NamedTuple):
    """A page in the bar at the top. ``badge``: where the number beside it comes from, if it has one."""

    address: str
    words: str
    badge: str | None = None


LINKS = (Link("/", "Customers"),)
"""In their order; the longest address that the page's own begins with is the current one."""
