"""A TCP proxy in a thread: connections lead to its target, new ones elsewhere when that changes."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread


class Proxy:
    """Listens on a free port. With ``tls``, clients speak TLS to it, and it speaks plain text onwards.

    PostgreSQL's clients ask for TLS before they speak it.
    """

    def __init__(self, target: int, tls: ssl.SSLContext | None = None, *, asked_for: bool = False) -> None:
        self.target = target
        """The port of this machine that new connections lead to."""
        self.accepted = 0
        self._tls, self._asked_for = tls, asked_for
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def drop(self) -> None:
        """Break all connections that there are."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Listen no more, and break all."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(10)
        self.drop()
        for each in self._threads:
            each.join(10)
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # It is closed.
            try:
                if self._asked_for and client.recv(8):
                    client.sendall(b"S")
                if self._tls is not None:
                    client = self._tls.wrap_socket(client, server_side=True)
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self._open += [client, server]
            self.accepted += 1
            for one, other in ((client, server), (server, client)):
                self._threads.append(Thread(target=_pass_on, args=(one, other), daemon=True))
                self._threads[-1].start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
    for each in (one, other):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(target: int, tls: ssl.SSLContext | None = None, *, asked_for: bool = False) -> Iterator[Proxy]:
    """A proxy, while this is entered."""
    made = Proxy(target, tls, asked_for=asked_for)
    try:
        yield made
    finally:
        made.close()
