"""Decisions in the drawer: approve, reject or withdraw.

A request is decided once, and the key of its posting follows from the request: a double click, a reload and
a retry are the same decision.
"""

from typing import NamedTuple

from fastapi import APIRouter
from fastapi.responses import Response

from app.console.pages.approvals.approval import command_of, kind_of, permissions_of, read_approval
from app.console.pages.approvals.queue import Approval
from app.console.session.rest import Answer, Json, RefusedError
from app.console.ui.formats import quoted
from app.console.ui.page_context import Context, PageContext
from app.console.ui.page_route import PageRoute
from app.errors import NotFoundError

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_PATH = "/approvals/{kind}/{identifier}/{verb}"
_MIN_COMMENT, _MAX_COMMENT = 10, 1_000
"""The API's own bounds."""


class Decision(NamedTuple):
    """A decision and its labels."""

    verb: str
    label: str
    submit: str
    takes_comment: bool = True


_DECISIONS = {
    each.verb: each
    for each in (
        Decision("approve", "Approve", "Approve and post"),
        Decision("reject", "Reject", "Reject"),
        Decision("withdraw", "Withdraw", "Withdraw"),
    )
}


@router.get(_PATH)
async def get_form(context: Context, kind: str, identifier: str, verb: str) -> Response:
    """The form; the outcome if the request is already decided."""
    decision = _decision(kind, verb)
    approval = await read_approval(context, kind, identifier)
    if approval.status != "pending":
        answer = await _outcome(context, approval, decision)
    elif not _may(permissions := permissions_of(context, approval), decision):
        return context.render("decisions/refused.html", approval=approval, decision=decision, **permissions)
    else:
        answer = _form(context, approval, decision, "")
    answer.headers["HX-Replace-Url"] = f"{approval.address}?do={verb}"
    return answer


@router.post(_PATH)
async def decide(context: Context, kind: str, identifier: str, verb: str) -> Response:
    """Decide, and show the outcome."""
    decision, approvals = _decision(kind, verb), kind_of(kind)
    comment = context.form.get("comment", "").replace("\r\n", "\n").strip()
    if decision.takes_comment and not _MIN_COMMENT <= len(comment) <= _MAX_COMMENT:
        approval = await read_approval(context, kind, identifier)
        return _form(context, approval, decision, comment, is_invalid=True)
    body = {"comment": comment} if decision.takes_comment else {}
    answer = await context.rest.post(f"{approvals.path}/{approvals.verbs[verb]}", identifier, body=body)
    try:
        approval = await read_approval(context, kind, identifier)
    except RefusedError as refused:
        return _failed(context, decision, refused.problem, is_unknown=True)
    if approval.status == "pending":
        return _failed(context, decision, answer.body, is_unknown=answer.is_outcome_unknown)
    return await _outcome(context, approval, decision, answer)


@router.get(f"{_PATH}/outcome")
async def get_outcome(context: Context, kind: str, identifier: str, verb: str) -> Response:
    """The outcome of the posting so far, for a drawer that waits for it."""
    decision, approval = _decision(kind, verb), await read_approval(context, kind, identifier)
    return await _outcome(context, approval, decision, template="money/outcome_status.html")


def _failed(context: PageContext, decision: Decision, problem: Json, *, is_unknown: bool) -> Response:
    """Nothing is known to be decided: what is stored would say so otherwise."""
    return context.render(
        "decisions/failed.html",
        status=problem["status"],
        problem=problem,
        is_unknown=is_unknown,
        decision=decision,
        comment=context.form.get("comment", ""),
        retry=context.request.url.path,
    )


async def _outcome(
    context: PageContext,
    approval: Approval,
    decision: Decision,
    answer: Answer | None = None,
    template: str = "decisions/outcome.html",
) -> Response:
    command = await command_of(context, approval) if approval.status == "approved" else None
    is_open = command is not None and command["status"] in ("unknown", "requested")
    page = context.render(
        template,
        approval=approval,
        decision=decision,
        stored=command,
        problem=answer.body if answer is not None and answer.is_problem else {},
        is_open=is_open,
        poll=f"{approval.address}/{decision.verb}/outcome",
    )
    if not is_open or template == "decisions/outcome.html":
        page.headers["HX-Trigger"] = "decided"
    return page


def _form(
    context: PageContext, approval: Approval, decision: Decision, comment: str, *, is_invalid: bool = False
) -> Response:
    return context.render(
        "decisions/form.html",
        status=422 if is_invalid else 200,
        approval=approval,
        decision=decision,
        comment=comment,
        is_invalid=is_invalid,
        min_comment=_MIN_COMMENT,
        max_comment=_MAX_COMMENT,
    )


def _may(permissions: Json, decision: Decision) -> bool:
    if decision.verb == "withdraw":
        return bool(permissions["may_withdraw"])
    return permissions["required_role"] is None and bool(permissions["are_two"])


def _decision(kind: str, verb: str) -> Decision:
    """Raises NotFoundError for an unknown decision. Only withdrawing a write-off takes no comment."""
    if (decision := _DECISIONS.get(verb)) is None:
        raise NotFoundError("page", f"/approvals/…/{quoted(verb)}")
    return decision._replace(takes_comment=(kind, verb) != ("write-off", "withdraw"))
