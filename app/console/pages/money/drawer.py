"""One opened drawer: the action, the loan and the key of the intent, and what is stored under that key."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import Response

from app.aggregates import command_id_of
from app.api.write_offs.routes import request_id_of
from app.console.pages.loans.lookups import account_and_customer
from app.console.pages.money.actions import ACTIONS, WRITE_OFF, Action, form_key, valid_key
from app.console.session.rest import Json
from app.console.ui.formats import quoted
from app.console.ui.page import Context, PageContext
from app.errors import NotFoundError

_MAX_REQUESTS = 10
"""Only the latest request of a loan can be unsettled."""


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

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A template of this folder."""
        address = f"/loan-accounts/{quoted(self.account_id)}/{self.action.name}"
        own = {"action": self.action, "account_id": self.account_id, "key": self.key, "address": address}
        return self.context.render(f"money/{template}.html", status=status, **own, **values)

    async def render_with_parties(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A template that also names the loan and its customer."""
        parties = await account_and_customer(self.context, self.account_id)
        return self.render(template, status=status, **values, **parties)

    async def stored(self) -> Json | None:
        """The movement or request stored under the key, if it is of this loan. Raises RefusedError."""
        if self.is_write_off:
            path, identifier = "/v1/write-off-requests/{}", request_id_of(self.key)
        else:
            path, identifier = "/v1/ledger-commands/{}", command_id_of(self.key)
        found: Json | None = await self.context.rest.find(path, identifier)
        return found if found and found["loanAccountId"] == self.account_id else None

    async def pending_request(self) -> Json | None:
        """The write-off request that blocks another one: undecided, or its posting unsettled."""
        path = "/v1/write-off-requests"
        page = await self.context.rest.get(path, loanAccountId=self.account_id, limit=_MAX_REQUESTS)
        requests: list[Json] = page["items"]
        for each in requests:
            if each["status"] == "pending" or each.get("ledger", {}).get("status") in (
                "requested",
                "unknown",
            ):
                return each
        return None


async def drawer_of_path(context: Context, account_id: str, name: str, key: str | None = None) -> Drawer:
    """The drawer of an address. Raises NotFoundError for an unknown action."""
    if (action := ACTIONS.get(name)) is None:
        raise NotFoundError("page", f"/loan-accounts/…/{quoted(name)}")
    sent = {"key": context.form.get("key") or key or ""}
    return Drawer(context, action, account_id, form_key(sent), is_new=valid_key(sent["key"]) is None)


OpenDrawer = Annotated[Drawer, Depends(drawer_of_path)]
