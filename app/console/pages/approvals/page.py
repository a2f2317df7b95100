"""Approvals: the queue, and each request beside its loan."""

from typing import Annotated

from fastapi import Query
from fastapi.responses import HTMLResponse, Response

from app.aggregates import same_person
from app.console.pages.approvals.queue import (
    KINDS,
    Filters,
    OpenApproval,
    details_of,
    loan_of,
    pending_approvals,
)
from app.console.pages.money.forms import WRITE_OFF_REASONS
from app.console.session.rest import Json
from app.console.ui.page import Context, PageContext, page_router

router = page_router()

_MAX_BADGE = 50
_MAX_CHATS = 10


@router.get("/approvals")
async def get_approvals(context: Context, filters: Annotated[Filters, Query()]) -> Response:
    """The queue with its filters; for htmx, the list alone."""
    queue, user = await pending_approvals(context), context.session.caller.user
    shown = [each for each in queue.approvals if filters.match(each)]
    if filters.sort == "newest":
        shown.reverse()
    return context.render(
        "approvals/queue.html" if context.is_partial else "approvals/approvals.html",
        shown=shown,
        own={each.id for each in shown if same_person(each.requester.get("id", ""), user)},
        queue=queue,
        filters=filters,
        kinds=KINDS.values(),
        reasons=WRITE_OFF_REASONS,
    )


@router.get("/approvals/badge")
async def get_badge(context: Context) -> Response:
    """The number of pending approvals, or nothing. Every page asks for it, so it stops counting early."""
    queue = await pending_approvals(context, _MAX_BADGE)
    number = f"{len(queue.approvals)}{'' if queue.is_complete else '+'}"
    return HTMLResponse(f'{number}<span class="unseen"> pending</span>' if queue.approvals else "")


@router.get("/approvals/{kind}/{identifier}")
async def get_approval(context: Context, approval: OpenApproval) -> Response:
    """One approval, with its loan and the latest chat."""
    details = await details_of(context, approval)
    customer_id = details["loan"] and details["loan"]["account"].get("customerId")
    chats = await _chats(context, customer_id) if customer_id else []
    verb = context.request.query_params.get("do", "")
    return context.render(
        "approvals/approval.html",
        **details,
        requests=[approval.document] if approval.is_write_off else [],
        chat=chats[0] if chats else None,
        other_chats=chats[1:],
        live_customer=customer_id,
        drawer=f"{approval.address}/{verb}" if verb in approval.kind.verbs else None,
    )


@router.get("/approvals/{kind}/{identifier}/account")
async def get_account(context: Context, approval: OpenApproval) -> Response:
    """Its loan alone, current."""
    requests = [approval.document] if approval.is_write_off else []
    return context.render("loans/loan_card.html", loan=await loan_of(context, approval), requests=requests)


@router.get("/approvals/{kind}/{identifier}/state")
async def get_state(context: Context, approval: OpenApproval) -> Response:
    """The request alone, current."""
    return context.render("approvals/approval_card.html", **await details_of(context, approval))


async def _chats(context: PageContext, customer_id: str) -> list[Json]:
    """The customer's chats, newest first; the first with its messages."""
    items = await context.rest.items("/v1/conversations", customerId=customer_id, limit=_MAX_CHATS)
    if not items:
        return []
    latest = await context.rest.try_get("/v1/conversations/{}", items[0]["conversationId"])
    return [latest.body_or(items[0]), *items[1:]]
