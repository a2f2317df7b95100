"""A free port is not given to somebody else before the server that it is for listens there."""

import socket

import pytest

from app.runtime.servers.embedded import free_port


def test_a_free_port_is_kept_for_a_server_that_asks_for_it() -> None:
    port = free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)):  # It may reuse the address, as all our servers do.
        pass
