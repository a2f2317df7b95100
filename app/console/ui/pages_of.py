"""Pages of the API's lists: how a page of ours goes on after one."""

from typing import Any
from urllib.parse import parse_qs, urlsplit


def cursor_of(page: dict[str, Any]) -> str:
    """The cursor in a page's ``next``; "" on the last one."""
    address: str = page.get("next", "")
    return parse_qs(urlsplit(address).query).get("cursor", [""])[0]
