"""Addresses that browsers tell: of what is none there is nothing, and no error."""

from urllib.parse import SplitResult, urlsplit


def split(address: str) -> SplitResult:
    """Its parts; all empty where it is no address."""
    try:
        return urlsplit(address)
    except ValueError:  # As of "http://[".
        return urlsplit("")
