"""Who may call which route, from the routes."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from app.api.auth.requirements import Requirement
from app.api.auth.roles import Role


@dataclass(frozen=True)
class Rule:
    """A route, and whom it admits: without a role, everybody, without a token."""

    method: str
    path: str
    least: Role | None
    person: bool
    summary: str

    def admits(self, role: Role) -> bool:
        """Whether a person of this role may call the route."""
        return self.least is None or role.includes(self.least)


def rules(app: FastAPI) -> list[Rule]:
    """The rules of the OpenAPI document's routes, in its order."""
    return [_rule(route) for route in shown_routes(app)]


def shown_routes(app: FastAPI) -> Iterator[RouteContext]:
    """The routes of the OpenAPI document."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.include_in_schema:
            yield route


def _rule(route: RouteContext) -> Rule:
    found = list(_requirements(route.dependant))
    (method,) = route.methods or {"GET"}
    return Rule(
        method,
        str(route.path),
        max((each.least for each in found), key=list(Role).index, default=None),
        any(each.person for each in found),
        str(route.description).partition("\n")[0].strip(),
    )


def _requirements(dependant: Dependant) -> Iterator[Requirement]:
    for each in dependant.dependencies:
        if isinstance(each.call, Requirement):
            yield each.call
        yield from _requirements(each)
