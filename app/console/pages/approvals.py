"""Approvals: what awaits a second person, each beside the account that it is about."""

import asyncio
from decimal import Decimal
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from app.aggregates import are_two_people, is_machine, same_person
from app.api.http.problems import not_found
from app.console.pages.amounts import WRITE_OFF_REASONS
from app.console.pages.approval_queue import KINDS, Kind, Told, Wanted, queue, told
from app.console.pages.balance import account_and_owed
from app.console.session.guard import PageRoute
from app.console.session.rest import RefusedError
from app.console.ui.formats import decimal, quoted
from app.console.ui.page_context import AtDesk, Desk

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_PRIORITIES = ("urgent", "high", "normal")
_BADGE_COUNTS = 50


@router.get("/approvals")
async def get_approvals(
    desk: AtDesk,
    kind: str = "",
    priority: str = "",
    reason: str = "",
    requester: str = "",
    least: str = "",
    most: str = "",
    sort: str = "oldest",
) -> Response:
    """The queue; what the filters let through, for htmx."""
    wanted = Wanted(kind, priority, reason, requester.strip(), _amount(least), _amount(most))
    found = await queue(desk)
    shown = [each for each in found.items if wanted.lets(each)]
    if sort == "newest":
        shown.reverse()
    given = {"kind": kind, "priority": priority, "reason": reason, "requester": requester}
    return desk.page(
        "approvals_queue.html" if desk.is_partial else "approvals.html",
        shown=[each | {"is_own": _is_own(desk, each)} for each in shown],
        total=len(found.items),
        is_whole=found.is_whole,
        given=given | {"least": least, "most": most, "sort": sort},
        kinds=list(KINDS.values()),
        priorities=_PRIORITIES,
        reasons=WRITE_OFF_REASONS,
    )


@router.get("/approvals/badge")
async def get_badge(desk: AtDesk) -> Response:
    """How many await somebody; nothing for none. Each page has it: it counts no further than it has to."""
    found = await queue(desk, _BADGE_COUNTS)
    number = f"{len(found.items)}{'' if found.is_whole else '+'}"
    return HTMLResponse(f'{number}<span class="unseen"> pending</span>' if found.items else "")


@router.get("/approvals/{name}/{identifier}")
async def get_approval(desk: AtDesk, name: str, identifier: str) -> Response:
    """One, with the account, its transactions, and the chat that led to it."""
    kind = kind_of(name)
    asked = told(kind, await desk.rest.get(kind.one, identifier))
    seen, command = await asyncio.gather(_seen(desk, asked), command_of(desk, asked))
    customer_id = seen and seen["account"].get("customerId")
    chats = await _chats(desk, customer_id) if customer_id else []
    return desk.page(
        "approval.html",
        asked=asked,
        command=command,
        seen=seen,
        movements=[],
        actions=[],
        chat=chats[0] if chats else None,
        others=chats[1:],
        live_customer=customer_id,
        drawer=drawer_of(desk, kind, identifier),
        is_outdated=_is_outdated(asked, seen),
        **may_decide(desk, asked),
    )


@router.get("/approvals/{name}/{identifier}/account")
async def get_account(desk: AtDesk, name: str, identifier: str) -> Response:
    """The account alone, as it stands now."""
    kind = kind_of(name)
    seen = await _seen(desk, told(kind, await desk.rest.get(kind.one, identifier)))
    return desk.page("approval_account.html", seen=seen, movements=[], actions=[])


@router.get("/approvals/{name}/{identifier}/state")
async def get_state(desk: AtDesk, name: str, identifier: str) -> Response:
    """The same request alone, as it stands now."""
    kind = kind_of(name)
    asked = told(kind, await desk.rest.get(kind.one, identifier))
    seen, command = await asyncio.gather(_seen(desk, asked), command_of(desk, asked))
    return desk.page(
        "approval_asked.html",
        asked=asked,
        command=command,
        seen=seen,
        is_outdated=_is_outdated(asked, seen),
        **may_decide(desk, asked),
    )


def kind_of(name: str) -> Kind:
    """Raises ProblemError for a name that is none."""
    if (kind := KINDS.get(name)) is None:
        raise not_found("page", f"/approvals/{name}")
    return kind


async def command_of(desk: Desk, asked: Told) -> Told | None:
    """The movement that an approval posts; for an adjustment, itself."""
    document: Told = asked["document"]
    if asked["kind"].name == "adjustment":
        return document
    if (command_id := document.get("ledger", {}).get("commandId")) is None:
        return None
    answer = await desk.rest.ask("GET", "/v1/ledger-commands/{}", command_id)
    return None if answer.is_problem else answer.body


def may_decide(desk: Desk, asked: Told) -> dict[str, Any]:
    """Whether this person may decide on it, and if not, why."""
    kind: Kind = asked["kind"]
    route = kind.route(kind.approve)
    is_own = _is_own(desk, asked)
    return {
        "is_own": is_own,
        "is_machines": is_machine(asked["by"].get("id", "")),
        "are_two": are_two_people(asked["by"].get("id", ""), desk.session.user),
        "takes": None if desk.may("POST", route) else desk.least("POST", route),
        "may_withdraw": is_own and desk.may("POST", kind.route(kind.withdraw)),
    }


def drawer_of(desk: Desk, kind: Kind, identifier: str) -> str | None:
    """The address of the drawer that the page's own address keeps open."""
    does = desk.request.query_params.get("do", "")
    at = f"/approvals/{quoted(kind.name)}/{quoted(identifier)}"
    return f"{at}/{does}" if does in ("approve", "reject", "withdraw") else None


def _is_own(desk: Desk, asked: Told) -> bool:
    return same_person(asked["by"].get("id", ""), desk.session.user)


async def _seen(desk: Desk, asked: Told) -> Told | None:
    """The account as its customer's page shows it; None where nothing was ever told of it."""
    document: Told = asked["document"]
    account_id: str = document["loanAccountId"]
    try:
        account, owed = await account_and_owed(desk, account_id)
    except RefusedError as refused:
        if refused.status != 404:
            raise
        return None
    if customer_id := account.get("customerId"):
        view = await desk.rest.ask("GET", "/v1/customers/{}/overview", customer_id)
        for each in [] if view.is_problem else view.body["accounts"]:
            if each["account"]["loanAccountId"] == account_id:
                seen: Told = each
                return seen
    return {"account": account, "owed": owed}


def _is_outdated(asked: Told, seen: Told | None) -> bool:
    """Whether a write-off can be approved no more: it is of all that is owed, and that has changed."""
    if asked["kind"].name != "write-off" or asked["status"] != "pending" or seen is None:
        return False
    return bool(seen["owed"].get("live")) and decimal(seen["owed"]["totalOutstanding"]) != asked["size"]


async def _chats(desk: Desk, customer_id: str) -> list[Told]:
    """The customer's, newest first; the first of them whole."""
    found = await desk.rest.get("/v1/conversations", customerId=customer_id, limit=10)
    items: list[Told] = found["items"]
    if not items:
        return []
    answer = await desk.rest.ask("GET", "/v1/conversations/{}", items[0]["conversationId"])
    return items if answer.is_problem else [answer.body, *items[1:]]


def _amount(said: str) -> Decimal | None:
    value = decimal(said.strip().removeprefix("A").removeprefix("$").replace(",", ""))
    return value if value is not None and value.is_finite() else None
