"""The REST API, asked in this process as one person.

A request goes through the whole application, without a socket. So each rule, limit, line of the audit log and
error of REST holds for the console too, and none is made twice. No token is needed: who asks stands in the
ASGI scope, where nobody outside of the process can put it.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode

import orjson
from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Scope

from app.api.auth.callers import Caller
from app.api.auth.requires import IN_PROCESS
from app.api.http.problems import not_found

Parameters = dict[str, Any]
_IN_THE_MIDDLE = ("event_store_unavailable", "database_unavailable", "history_unreadable")


@dataclass(frozen=True)
class Answer:
    """What a route answered."""

    status: int
    headers: Headers
    body: Any

    @property
    def is_problem(self) -> bool:
        """Whether the body is a problem."""
        return self.status >= 400

    @property
    def tells_nothing(self) -> bool:
        """Whether it may have been done all the same: a server went away in the middle of it."""
        return self.is_problem and self.body["code"] in _IN_THE_MIDDLE


class RefusedError(Exception):
    """A route answered with a problem (RFC 9457): ``problem`` is what it says."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem["code"])
        self.problem: dict[str, Any] = problem
        self.status: int = problem["status"]
        self.code: str = problem["code"]


class Rest:
    """The routes of an application, for one caller.

    A path has ``{}`` for each identifier: ``rest.get("/v1/customers/{}/overview", customer_id)``.
    """

    def __init__(self, app: ASGIApp, caller: Caller, page: Request) -> None:
        """``page`` is what the browser asked for: addresses in answers begin as its own does."""
        self._app, self._caller = app, caller
        self._seen_as = {name: page.scope.get(name) for name in ("scheme", "client", "server")}
        self._host = page.headers.get("host", "console").encode()

    async def get(self, path: str, *identifiers: str, **parameters: Any) -> Any:
        """The body of an answer to GET. Raises RefusedError for a problem.

        A parameter whose name is taken in Python ends in ``_``; one that is None or empty is left out.
        """
        answer = await self.ask("GET", path, *identifiers, parameters=parameters)
        if answer.is_problem:
            raise RefusedError(answer.body)
        return answer.body

    async def post(
        self, path: str, *identifiers: str, body: dict[str, Any], key: str | None = None
    ) -> Answer:
        """The answer to POST, whichever it is; ``key`` is the idempotency key."""
        return await self.ask("POST", path, *identifiers, body=body, key=key)

    async def ask(
        self,
        method: str,
        path: str,
        *identifiers: str,
        parameters: Parameters | None = None,
        body: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Answer:
        """The answer, whichever it is. Raises ProblemError (404) for an identifier that is none."""
        if odd := [each for each in identifiers if "/" in each or each in (".", "..")]:
            # No route of REST has such a one, and unquoted it would be another address.
            raise not_found("page", odd[0])
        told: dict[bytes, bytes] = {}
        if key is not None:
            told[b"idempotency-key"] = key.encode("ascii", "replace")
        if body is not None:
            told[b"content-type"] = b"application/json"
        raw = path.format(*(quote(each, safe="") for each in identifiers))
        scope = self.scope(method, raw, parameters or {}, told.items())
        receiving = _Receiving(b"" if body is None else orjson.dumps(body))
        answering = _Answering()
        await self._app(scope, receiving.receive, answering.send)
        return answering.answer()

    def scope(
        self, method: str, path: str, parameters: Parameters, headers: Iterable[tuple[bytes, bytes]]
    ) -> Scope:
        """The ASGI scope of a request of this caller; ``path`` is quoted."""
        given = {name.rstrip("_"): each for name, each in parameters.items() if each not in (None, "")}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": urlencode(given, doseq=True).encode(),
            "root_path": "",
            "headers": [(b"host", self._host), *headers],
            **self._seen_as,
            "state": {},
            IN_PROCESS: self._caller,
        }


class _Receiving:
    """A body that is there at once, from a client that stays."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body

    async def receive(self) -> Message:
        if self._body is None:
            await asyncio.Event().wait()  # Whoever listens for the client's leaving is cancelled in the end.
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Answering:
    """Gathers an answer."""

    def __init__(self) -> None:
        self._status, self._headers = 0, Headers()
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], Headers(raw=message["headers"])
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")

    def answer(self) -> Answer:
        is_json = "json" in self._headers.get("content-type", "")
        return Answer(self._status, self._headers, orjson.loads(self._body) if is_json else bytes(self._body))
