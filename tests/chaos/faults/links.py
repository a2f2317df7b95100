"""Connections that can be dropped, slowed and cut: a small TCP proxy.

Of toxiproxy, the well-kept one, PyPI and npm have only clients, and Debian has nothing.
"""

import asyncio
import socket
import struct
from concurrent.futures import Future
from contextlib import suppress
from enum import Enum
from threading import Thread
from typing import Self

from tests.chaos.faults.processes import Struck

_AT_ONCE = struct.pack("ii", 1, 0)
_PIECE = 64 * 1024
_LATENCY_S = 0.1
_BYTES_A_SECOND = 200_000


class Mode(Enum):
    """What becomes of connections."""

    OPEN = 0
    DROPPED = 1
    """Those that there are end with a reset, and so does each new one."""
    SLOW = 2
    """A tenth of a second each way, and 200 kB a second."""
    CUT = 3
    """What is sent is swallowed without an error: as by a firewall that forgot the connection.

    Those that there are stay so for ever; new ones work again when the link is open.
    """


class Links:
    """Runs any number of links in a thread, until it is left."""

    def __enter__(self) -> Self:
        self._made: list[Link] = []
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="links")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def to(self, port: int) -> "Link":
        """A new link to a port of this machine; nothing has to listen there yet."""
        link = Link(port)
        self._made.append(link)
        starting: Future[None] = asyncio.run_coroutine_threadsafe(link.start(), self._loop)
        starting.result(10)
        return link

    async def _end(self) -> None:
        for link in self._made:
            link.close()
        if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(tasks, timeout=5)


class Link:
    """Listens on a port of its own, and passes on to another."""

    port: int

    def __init__(self, target: int) -> None:
        self._target = target
        self.struck = Struck()
        self._mode = Mode.OPEN
        self._connections: set[_Connection] = set()

    async def start(self) -> None:
        """Listen."""
        self._loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Listen no more, and end all connections."""
        self._server.close()
        for connection in tuple(self._connections):
            connection.abort()

    def set(self, mode: Mode) -> None:
        """Change what becomes of connections, for those that there are too."""
        self._loop.call_soon_threadsafe(self._set, mode)

    def _set(self, mode: Mode) -> None:
        self._mode = mode
        for connection in tuple(self._connections):
            if mode is Mode.DROPPED:
                connection.abort()
            connection.is_cut |= mode is Mode.CUT

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode is Mode.DROPPED:
            _Connection(reader, writer, is_cut=False).abort()
            return
        connection = _Connection(reader, writer, is_cut=self._mode is Mode.CUT)
        self._connections.add(connection)
        try:
            await connection.carry(self)
        finally:
            self._connections.discard(connection)
            connection.abort()

    async def pace(self, size: int) -> None:
        """Wait as long as so many bytes take."""
        if self._mode is Mode.SLOW:
            await asyncio.sleep(_LATENCY_S + size / _BYTES_A_SECOND)

    async def far(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the target. Raises OSError where nobody listens."""
        return await asyncio.open_connection("127.0.0.1", self._target)


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_cut: bool) -> None:
        self._reader, self._writer, self.is_cut = reader, writer, is_cut
        self._far: asyncio.StreamWriter | None = None

    async def carry(self, link: Link) -> None:
        """Pass on, until one of the two sides ends."""
        with suppress(OSError):
            far_reader, self._far = await link.far()
            there = asyncio.create_task(self._pump(self._reader, self._far, link))
            back = asyncio.create_task(self._pump(far_reader, self._writer, link))
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
            if self.is_cut and not there.done():
                await there  # The near side does not learn that the far one ended.
            there.cancel()
            back.cancel()

    def abort(self) -> None:
        """End both sides at once."""
        for writer in (self._writer, self._far):
            if writer is not None and not writer.transport.is_closing():
                # So that it ends with a reset: there is nobody any more.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                await link.pace(len(piece))
                if not self.is_cut:
                    writer.write(piece)
                    await writer.drain()
