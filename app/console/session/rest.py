"""The REST API, called in this process as the signed-in person.

A request passes through the whole application without a socket: roles, limits, the audit log and errors are
those of REST. It needs no token: the caller is in the ASGI scope, where no client can put one.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import orjson
from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from app.api.auth.callers import Caller
from app.api.auth.requirements import IN_PROCESS
from app.api.auth.role_table import rules
from app.api.auth.roles import Role

Json = dict[str, Any]
T = TypeVar("T")
_UNKNOWN_OUTCOMES = ("event_store_unavailable", "database_unavailable", "history_unreadable")


@dataclass(frozen=True)
class Answer:
    """A route's answer."""

    status: int
    body: Json

    @property
    def is_problem(self) -> bool:
        """Whether the body is a problem."""
        return self.status >= 400

    @property
    def problem(self) -> Json:
        """The problem; empty if there is none."""
        return self.body if self.is_problem else {}

    def body_or(self, default: T) -> Json | T:
        """The body, or a default for a problem."""
        return default if self.is_problem else self.body

    @property
    def is_outcome_unknown(self) -> bool:
        """Whether it may have been done after all: a server went away in the middle."""
        return self.is_problem and self.body["code"] in _UNKNOWN_OUTCOMES


class RefusedError(Exception):
    """A route answered with a problem (RFC 9457)."""

    def __init__(self, problem: Json) -> None:
        super().__init__(problem["code"])
        self.problem = problem
        self.status: int = problem["status"]


class Rest:
    """The API's routes for one caller.

    A path has ``{}`` for each identifier: ``rest.get("/v1/customers/{}/overview", customer_id)``.
    """

    def __init__(self, request: Request, caller: Caller) -> None:
        self._app: FastAPI = request.app
        self._caller = caller
        self._transport = httpx2.ASGITransport(self._as_caller, client=request.scope["client"])

    async def get(self, path: str, *identifiers: str, **parameters: str | int) -> Json:
        """The body of an answer to GET. Raises RefusedError for a problem."""
        answer = await self.try_get(path, *identifiers, **parameters)
        if answer.is_problem:
            raise RefusedError(answer.body)
        return answer.body

    async def items(self, path: str, **parameters: str | int) -> list[Json]:
        """The items of a list's page. Raises RefusedError for a problem."""
        found: list[Json] = (await self.get(path, **parameters))["items"]
        return found

    async def find(self, path: str, *identifiers: str, **parameters: str | int) -> Json | None:
        """The body of an answer to GET; None if there is no such thing. Raises RefusedError."""
        try:
            return await self.get(path, *identifiers, **parameters)
        except RefusedError as refused:
            if refused.status != 404:
                raise
            return None

    async def try_get(self, path: str, *identifiers: str, **parameters: str | int) -> Answer:
        """The answer to GET, problem or not. Parameters that are empty are left out."""
        given = {name: value for name, value in parameters.items() if value != ""}
        return await self._send("GET", path, identifiers, params=given)

    async def post(self, path: str, *identifiers: str, body: Json, key: str | None = None) -> Answer:
        """The answer to POST, problem or not; ``key`` is the idempotency key."""
        headers = {"Idempotency-Key": key} if key is not None else {}
        return await self._send("POST", path, identifiers, json=body, headers=headers)

    def required_role(self, method: str, path: str) -> Role | None:
        """The role that a route needs, if the caller's is too low. For display: the route enforces it."""
        return required_roles(self._app, self._caller.role)[method, path]

    def may(self, method: str, path: str) -> bool:
        """Whether the caller's role allows a route."""
        return self.required_role(method, path) is None

    async def _send(self, method: str, path: str, identifiers: tuple[str, ...], **content: Any) -> Answer:
        url = "http://console" + path.format(*map(quoted, identifiers))
        answer = await self._transport.handle_async_request(httpx2.Request(method, url, **content))
        return Answer(answer.status_code, orjson.loads(await answer.aread()))

    async def _as_caller(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "state": {}, IN_PROCESS: self._caller}, receive, send)


def quoted(identifier: str) -> str:
    """An identifier as a segment of an address: ``.`` and ``..`` are no way to another one."""
    return quote(identifier, safe="") if identifier.strip(".") else "%2E" * len(identifier)


@cache
def required_roles(app: FastAPI, role: Role) -> dict[tuple[str, str], Role | None]:
    """By method and path, the role that a route needs; None where this one suffices."""
    return {(each.method, each.path): None if each.admits(role) else each.least for each in rules(app)}


def cursor_of(page: Json) -> str:
    """The cursor in the ``next`` of a list's page; "" on the last one."""
    return parse_qs(urlsplit(page.get("next", "")).query).get("cursor", [""])[0]
