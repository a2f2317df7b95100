"""Writes docs/api-roles.md: ``python -m tools.pages.roles_page docs/api-roles.md``."""

import sys
from collections.abc import Iterable
from pathlib import Path

from fastapi import FastAPI

from app.api.application import app_to_describe
from app.api.auth.role_table import rules
from app.api.auth.roles import Role

_PAGE = """\
# Who may call which route

Generated from the routes by `make roles`; a test keeps it current. [api.md](api.md#authenticate) explains
roles and machines. A machine needs the role of a route too.

{table}
"""


def page(app: FastAPI) -> str:
    """The text of docs/api-roles.md."""
    columns = ["route", "no token", *Role, "machine", "description"]
    lines = [_row(columns), _row(["---"] * len(columns))]
    for rule in rules(app):
        may = [rule.least is None, *map(rule.admits, Role), not rule.person]
        marks = ["yes" if each else "–" for each in may]
        lines.append(_row([f"`{rule.method} {rule.path}`", *marks, rule.summary]))
    return _PAGE.format(table="\n".join(lines))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '∣') for cell in cells)} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(app_to_describe()), encoding="utf-8")
