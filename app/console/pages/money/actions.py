"""The actions on a loan's money, with their API routes, the key of each intent, and what was requested."""

import re
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import Request, Response

from app.api.auth.roles import Role
from app.console.session.rest import Json
from app.console.session.sessions import split
from app.console.ui.formats import quoted
from app.console.ui.page import PageContext

_KEY = re.compile(r"console-[0-9a-f]{32}")
_LEDGER = "/v1/ledger/accounts/{loanAccountId}"
_MAX_MOVEMENTS = 5
WRITE_OFF = "write-off"


@dataclass(frozen=True)
class Action:
    """An action of the drawer. ``submit`` is on its last button, ``route`` is what it calls."""

    name: str
    label: str
    submit: str
    route: str


ACTIONS = {
    each.name: each
    for each in (
        Action("repayment", "Record repayment", "Post repayment", f"{_LEDGER}/repayments"),
        Action("fee", "Apply fee", "Post fee", f"{_LEDGER}/fees"),
        Action("waiver", "Waive fees", "Post waiver", f"{_LEDGER}/fee-waivers"),
        Action("adjustment", "Adjust", "Post adjustment", f"{_LEDGER}/adjustments"),
        Action(WRITE_OFF, "Request write-off", "Submit request", "/v1/write-off-requests"),
    )
}
"""In the order of their buttons."""


def offered_actions(context: PageContext) -> list[tuple[Action, Role | None]]:
    """All actions, each with the role that it needs if the person's is too low."""
    return [(each, context.rest.required_role("POST", each.route)) for each in ACTIONS.values()]


async def recent_movements(context: PageContext, account_id: str) -> list[Json]:
    """The latest movements that staff requested, unsettled ones among them."""
    page = await context.rest.get("/v1/ledger-commands", account=account_id, limit=_MAX_MOVEMENTS)
    items: list[Json] = page["items"]
    return items


def valid_key(key: str | None) -> str | None:
    """The key, if it can be one of ours."""
    return key if key and _KEY.fullmatch(key) else None


def form_key(form: dict[str, str]) -> str:
    """The key in a form, or a new one. It stays the same for every attempt of one intent."""
    return valid_key(form.get("key")) or f"console-{uuid4().hex}"


def keep_in_address(request: Request, answer: Response, name: str, account_id: str, key: str) -> None:
    """Put the open drawer and its key into the page's address: a reload reopens it and cannot post twice."""
    page = split(request.headers.get("hx-current-url", "")).path
    if page:
        answer.headers["HX-Replace-Url"] = f"{page}?{urlencode({'do': name, 'of': account_id, 'key': key})}"


def drawer_of(request: Request) -> str | None:
    """The address of the drawer that a page's address keeps open."""
    query = request.query_params
    name, account_id, key = query.get("do", ""), query.get("of", ""), valid_key(query.get("key"))
    if name not in ACTIONS or not account_id or key is None:
        return None
    return f"/loan-accounts/{quoted(account_id)}/{name}?key={key}"
