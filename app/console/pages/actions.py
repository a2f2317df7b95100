"""What staff do with an account's money: a table, whose roles are those of the API's own routes."""

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import Request, Response

from app.api.auth.callers import Role
from app.console.ui.addresses import split
from app.console.ui.formats import quoted
from app.console.ui.page_context import Desk

_KEY = re.compile(r"console-[0-9a-f]{32}")
_LEDGER = "/v1/ledger/accounts/{loanAccountId}"


@dataclass(frozen=True)
class Action:
    """Something that is done in the drawer; ``route`` is what it asks of the API."""

    name: str
    words: str
    does: str
    """Of the button that does it in the end."""
    route: str


ACTIONS = {
    each.name: each
    for each in (
        Action("repayment", "Record repayment", "Post the repayment", f"{_LEDGER}/repayments"),
        Action("fee", "Apply fee", "Post the fee", f"{_LEDGER}/fees"),
        Action("waiver", "Waive fees", "Post the waiver", f"{_LEDGER}/fee-waivers"),
        Action("adjustment", "Adjust", "Post the adjustment", f"{_LEDGER}/adjustments"),
        Action("write-off", "Request write-off", "Ask for the write-off", "/v1/write-off-requests"),
    )
}
"""In the order of their buttons."""


class Offered(NamedTuple):
    """An action, and the role that it takes where the person's own does not do."""

    action: Action
    takes: Role | None


def actions_of(desk: Desk) -> list[Offered]:
    """All actions, with what keeps this person from one."""
    return [Offered(each, takes(desk, each)) for each in ACTIONS.values()]


def takes(desk: Desk, action: Action) -> Role | None:
    """The role that an action takes, where the person's own does not do."""
    return None if desk.may("POST", action.route) else desk.least("POST", action.route)


def new_key() -> str:
    """A key of one intent: made when a drawer is opened, and the same at each try."""
    return f"console-{uuid4().hex}"


def key_of(told: str | None) -> str | None:
    """The key as it is told, if it can be one of ours."""
    return told if told and _KEY.fullmatch(told) else None


def kept_in_address(request: Request, answer: Response, name: str, account_id: str, key: str) -> None:
    """Have the browser keep what is open, with its key: a reload opens it again, and cannot post twice."""
    page = split(request.headers.get("hx-current-url", "")).path
    if page:
        answer.headers["HX-Replace-Url"] = f"{page}?{urlencode({'do': name, 'of': account_id, 'key': key})}"


def drawer_of(request: Request) -> str | None:
    """The address of the drawer that a page's own address keeps open."""
    told = request.query_params
    name, account_id, key = told.get("do", ""), told.get("of", ""), key_of(told.get("key"))
    if name not in ACTIONS or not account_id or key is None:
        return None
    return f"/loan-accounts/{quoted(account_id)}/{name}?key={key}"
