"""The pages that every page leads to."""

from typing import NamedTuple

from fastapi import FastAPI

from app.console.session.allowed import rules_of
from app.console.session.sessions import Session


class Link(NamedTuple):
    """A page in the bar at the top.

    ``asks``: the path that it gets from the API; who may not is not led there. ``badge``: where the number
    beside it comes from, if it has one.
    """

    address: str
    words: str
    asks: str
    badge: str | None = None


LINKS = (
    Link("/", "Customers", "/v1/search"),
    Link("/approvals", "Approvals", "/v1/write-off-requests", badge="/approvals/badge"),
    Link("/pipeline", "Pipeline", "/v1/status"),
    Link("/dead-letters", "Dead letters", "/v1/dead-letters"),
)
"""In their order; the longest address that the page's own begins with is the current one."""


def links_of(app: FastAPI, session: Session | None) -> list[Link]:
    """Those that somebody may follow."""
    if session is None:
        return []
    return [each for each in LINKS if rules_of(app)["GET", each.asks].lets(session.role)]
