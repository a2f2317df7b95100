"""What a route requires: a bearer token (JWT), a role, sometimes a person, and no unknown query parameter.

A misspelt filter must not return everything.
"""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from math import ceil
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from fastapi import Depends, Request, Response
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from fastapi.security.utils import get_authorization_scheme_param

from app.api.auth.callers import Caller, UnauthenticatedError
from app.api.auth.roles import Role
from app.api.http.problems import ProblemError
from app.api.services import Services, services_of

IN_PROCESS = "billie.caller"
"""The key of an ASGI scope under which code of this process names the caller; no client can set one."""
_MAX_NAME_LENGTH, _MAX_NAMES = 64, 8


class Requirement(SecurityBase):
    """A dependency that gives the caller.

    401 without a valid token, 403 for a role below ``least`` or a machine where it takes a person, 429 over
    the rate limit, 400 for unknown query parameters. One dependency, not four: each costs a tenth of a read.
    """

    scheme_name = "HTTPBearer"
    model = HTTPBearerModel(description="A JWT; `billie token` makes one for development.")

    def __init__(self, least: Role, *, person: bool) -> None:
        self.least, self.person = least, person
        self._admitted = frozenset(role for role in Role if role.includes(least))

    async def __call__(self, request: Request) -> Caller:
        is_first = not hasattr(request.state, "caller")
        if is_first:
            request.state.caller = await _caller(request)
        caller: Caller = request.state.caller
        if caller.role not in self._admitted:
            msg = f"This takes the role {self.least} or more; the token has {caller.role}."
            raise ProblemError(403, "role_too_low", msg)
        if self.person and caller.is_machine:
            raise ProblemError(403, "takes_a_person", "Only a person can do this; the token is a machine's.")
        if is_first and request.scope["query_string"]:
            await refuse_unknown_parameters(request)
        return caller


async def _caller(request: Request) -> Caller:
    services = services_of(request)
    caller: Caller | None = request.scope.get(IN_PROCESS)
    if caller is None:
        scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("Send 'Authorization: Bearer <token>'.", "no_token")
        caller = await services.callers.of(token)
    if wait := services.rate_limits.take(caller.user):
        detail = f"Rate limit exceeded. Try again in {ceil(wait)} s."
        raise ProblemError(429, "too_many_requests", detail, retryable=True, retry_after_s=ceil(wait))
    return caller


@lru_cache
def requires(least: Role, *, person: bool = False) -> Requirement:
    """The requirement of a role; with ``person``, of a person too."""
    return Requirement(least, person=person)


class Call(NamedTuple):
    """What a route that writes is called with: the request, its answer on the way, and who asks."""

    request: Request
    response: Response
    by: Caller

    @property
    def services(self) -> Services:
        """The application's services."""
        return services_of(self.request)

    def answer(self, *, is_replay: bool, is_done: bool = True) -> None:
        """Say that the answer repeats an earlier one, and with 202 that the effect is not there yet."""
        if is_replay:
            self.response.headers["Idempotent-Replay"] = "true"
        if not is_done:
            self.response.status_code = 202
            self.response.headers["Retry-After"] = "2"


def _call(least: Role, *, person: bool = False) -> Any:
    requirement = Depends(requires(least, person=person))

    async def call(request: Request, response: Response, by: Annotated[Caller, requirement]) -> Call:
        return Call(request, response, by)

    return Depends(call)


Authenticated = Depends(requires(Role.READONLY))
Operations = Annotated[Call, _call(Role.OPERATIONS)]
Supervisor = Annotated[Call, _call(Role.SUPERVISOR)]
Admin = Annotated[Call, _call(Role.ADMIN)]
OperationsPerson = Annotated[Call, _call(Role.OPERATIONS, person=True)]
SupervisorPerson = Annotated[Call, _call(Role.SUPERVISOR, person=True)]
AdminPerson = Annotated[Call, _call(Role.ADMIN, person=True)]
"""A call by this role or a higher one. A machine cannot be one of two people, so some refuse machines."""


async def refuse_unknown_parameters(request: Request) -> None:
    """400 for a parameter that is unknown, or repeated. Async, as plain functions run in a thread."""
    if not request.scope["query_string"]:
        return
    known = dict(_parameters(request.scope["route"].dependant))
    given = Counter(name for name, _ in request.query_params.multi_items())
    if unknown := sorted(given.keys() - known.keys()):
        accepted = ", ".join(sorted(known)) or "none"
        detail = f"Unknown: {_shortened(unknown)}. This route takes: {accepted}."
        raise ProblemError(400, "unknown_parameter", detail)
    if again := sorted(name for name, times in given.items() if times > 1 and not _is_list(known[name])):
        raise ProblemError(400, "repeated_parameter", f"Given more than once: {_shortened(again)}.")


def _is_list(annotation: Any) -> bool:
    return any(get_origin(each) is list for each in (annotation, *get_args(annotation)))


def _shortened(names: list[str]) -> str:
    shown = ", ".join(name[:_MAX_NAME_LENGTH] for name in names[:_MAX_NAMES])
    return f"{shown}, …" if len(names) > _MAX_NAMES else shown


def _parameters(dependant: Any) -> Iterator[tuple[str, Any]]:
    """The query parameters of a route and of its dependencies, with their types."""
    yield from ((field.alias, field.field_info.annotation) for field in dependant.query_params)
    for dependency in dependant.dependencies:
        yield from _parameters(dependency)
