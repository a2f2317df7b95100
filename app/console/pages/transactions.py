"""An account's transactions, as the ledger tells them: by kind and days, a page at a time."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app.console.session.guard import PageRoute
from app.console.ui.formats import quoted
from app.console.ui.page_context import AtDesk
from app.console.ui.pages_of import cursor_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_MOST = 20


@router.get("/loan-accounts/{account_id}/transactions")
async def get_transactions(
    desk: AtDesk,
    account_id: str,
    kind: Annotated[str, Query(alias="type")] = "",
    since: Annotated[str, Query(alias="from")] = "",
    until: Annotated[str, Query(alias="to")] = "",
    cursor: str = "",
) -> Response:
    """The rows. A ledger that does not answer, and days in the wrong order, are said in their place."""
    filters = {"type": kind, "from": since, "to": until}
    answer = await desk.rest.ask(
        "GET",
        "/v1/ledger/accounts/{}/transactions",
        account_id,
        parameters=filters | {"limit": _MOST, "cursor": cursor},
    )
    if answer.is_problem:
        return desk.page("transactions.html", problem=answer.body)
    following = filters | {"cursor": cursor_of(answer.body)}
    return desk.page(
        "transactions.html",
        transactions=answer.body,
        filtered=any(filters.values()),
        more=f"/loan-accounts/{quoted(account_id)}/transactions?{urlencode(following)}",
    )
