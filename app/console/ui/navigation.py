"""The links in the bar at the top of every page."""

from typing import NamedTuple


class Link(NamedTuple):
    """A link to a page. ``needs``: the API path that the page reads; without its role the link is hidden."""

    address: str
    label: str
    needs: str
    badge: str | None = None
    """The address of the number beside it."""


LINKS = (
    Link("/", "Customers", "/v1/search"),
    Link("/approvals", "Approvals", "/v1/write-off-requests", badge="/approvals/badge"),
    Link("/pipeline", "Pipeline", "/v1/status"),
    Link("/dead-letters", "Dead letters", "/v1/dead-letters"),
)
