"""Hosts that a connection does not leave this machine for."""

from ipaddress import ip_address


def is_local(host: str) -> bool:
    """Whether a host, without port or brackets, is this machine by its name or address; "" is."""
    if host in ("", "localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False  # Some other name, which may be anybody's: also 127.example.com.


def host_of(target: str) -> str:
    """The host of gRPC's ``host:port``, ``[v6]:port`` or ``dns:///host:port``; "" of a Unix socket."""
    if target.startswith(("unix:", "unix-abstract:")):
        return ""
    place = target.removeprefix("dns:///")
    if place.startswith("["):
        return place[1:].partition("]")[0].lower()
    return place.rpartition(":")[0].lower() or place.lower()
