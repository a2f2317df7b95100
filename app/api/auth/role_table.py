"""Who may call which route, from the routes: ``python -m app.api.auth.role_table docs/api-roles.md``."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from app.api.application import app_to_describe
from app.api.auth.requirements import Requirement
from app.api.auth.roles import Role

_PAGE = """\
# Who may call which route

Generated from the routes by `make roles`; a test keeps it current. [api.md](api.md#authenticate) explains
roles and machines. A machine needs the role of a route too.

{table}
"""


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


def page(app: FastAPI) -> str:
    """The text of docs/api-roles.md."""
    columns = ["route", "no token", *Role, "machine", "description"]
    lines = [_row(columns), _row(["---"] * len(columns))]
    for rule in rules(app):
        may = [rule.least is None, *map(rule.admits, Role), not rule.person]
        marks = ["yes" if each else "–" for each in may]
        lines.append(_row([f"`{rule.method} {rule.path}`", *marks, rule.summary]))
    return _PAGE.format(table="\n".join(lines))


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


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '∣') for cell in cells)} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(app_to_describe()), encoding="utf-8")
