"""HTTP/1.1 on a bare socket: one request after the other, of which only status and length are read."""

import asyncio
import time


class HttpCaller:
    """GETs one path over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        self._reader, self._writer, self._request = reader, writer, request

    @classmethod
    async def to(cls, port: int, path: str, token: str, up_within: float) -> "HttpCaller":
        """A caller of a server on this machine, which may take ``up_within`` seconds to come up."""
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
        until = time.monotonic() + up_within
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.05)
            else:
                return cls(reader, writer, request.encode())

    async def get(self) -> None:
        """One request. Raises RuntimeError for an answer that is not 200."""
        self._writer.write(self._request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        body = await self._reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode() + body.decode())

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()
