"""The actions on a loan's money, with their API routes; and the drawer of an action, with its key."""

import re
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse

from app.aggregates import command_id_of
from app.api.auth.roles import Role
from app.api.write_offs.routes import request_id_of
from app.console.pages.loan_lookups import customer_summary
from app.console.session.rest import Json, quoted
from app.console.session.sessions import split
from app.console.ui.page import Context, PageContext
from app.errors import NotFoundError

_KEY = re.compile(r"console-[0-9a-f]{32}")
_LEDGER = "/v1/ledger/accounts/{loanAccountId}"
_MAX_MOVEMENTS = 5
_MAX_REQUESTS = 10
"""Only the latest request of a loan can be unsettled."""
_UNSETTLED = ("requested", "unknown")
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
    return await context.rest.items("/v1/ledger-commands", account=account_id, limit=_MAX_MOVEMENTS)


def valid_key(key: str | None) -> str | None:
    """The key, if it can be one of ours."""
    return key if key and _KEY.fullmatch(key) else None


def form_key(form: dict[str, str]) -> str:
    """The key in a form, or a new one. It stays the same for every attempt of one intent."""
    return valid_key(form.get("key")) or f"console-{uuid4().hex}"


def drawer_of(request: Request) -> str | None:
    """The address of the drawer that a page's address keeps open."""
    query = request.query_params
    name, account_id, key = query.get("do", ""), query.get("of", ""), valid_key(query.get("key"))
    if name not in ACTIONS or not account_id or key is None:
        return None
    return f"/loan-accounts/{quoted(account_id)}/{name}?key={key}"


@dataclass(frozen=True)
class Drawer:
    """An action on a loan. ``is_new``: the key is made for this request, so nothing is stored under it."""

    context: PageContext
    action: Action
    account_id: str
    key: str
    is_new: bool

    @property
    def is_write_off(self) -> bool:
        """Whether it requests a write-off instead of posting."""
        return self.action.name == WRITE_OFF

    async def render(
        self, template: str, account: Json | None = None, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A template of this folder, which names the loan and its customer as far as they can be read."""
        if account is None:
            account = (await self.context.rest.try_get("/v1/loan-accounts/{}", self.account_id)).body_or({})
        return self.context.render(
            f"money/{template}.html",
            status=status,
            action=self.action,
            account_id=self.account_id,
            key=self.key,
            address=f"/loan-accounts/{quoted(self.account_id)}/{self.action.name}",
            account=account,
            customer=await customer_summary(self.context, account.get("customerId")),
            **values,
        )

    def keep_in_address(self, answer: Response) -> None:
        """Put the drawer and its key into the page's address: a reload reopens it and cannot post twice."""
        page = split(self.context.request.headers.get("hx-current-url", "")).path
        if page:
            query = urlencode({"do": self.action.name, "of": self.account_id, "key": self.key})
            answer.headers["HX-Replace-Url"] = f"{page}?{query}"

    async def stored(self) -> Json | None:
        """The movement or request stored under the key, if it is of this loan. Raises RefusedError."""
        if self.is_write_off:
            path, identifier = "/v1/write-off-requests/{}", request_id_of(self.key)
        else:
            path, identifier = "/v1/ledger-commands/{}", command_id_of(self.key)
        found = await self.context.rest.find(path, identifier)
        return found if found and found["loanAccountId"] == self.account_id else None

    async def pending_request(self) -> Json | None:
        """The write-off request that blocks another one: undecided, or its posting unsettled."""
        path = "/v1/write-off-requests"
        requests = self.context.rest.items(path, loanAccountId=self.account_id, limit=_MAX_REQUESTS)
        for each in await requests:
            if each["status"] == "pending" or each.get("ledger", {}).get("status") in _UNSETTLED:
                return each
        return None


async def drawer_of_path(context: Context, account_id: str, name: str, key: str | None = None) -> Drawer:
    """The drawer of an address. Raises NotFoundError for an unknown action."""
    if (action := ACTIONS.get(name)) is None:
        raise NotFoundError("page", f"/loan-accounts/…/{quoted(name)}")
    sent = {"key": context.form.get("key") or key or ""}
    return Drawer(context, action, account_id, form_key(sent), is_new=valid_key(sent["key"]) is None)


OpenDrawer = Annotated[Drawer, Depends(drawer_of_path)]
