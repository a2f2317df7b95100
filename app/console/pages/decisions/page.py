"""Decisions in the drawer: approve, reject or withdraw.

A request is decided once, and the key of its posting follows from the request: a double click, a reload and
a retry are the same decision.
"""

from typing import Annotated, Any, Literal, NamedTuple

from fastapi import Depends
from fastapi.responses import Response

from app.console.pages.approvals.queue import (
    Approval,
    OpenApproval,
    command_of,
    current,
    permissions_of,
)
from app.console.session.rest import Json, RefusedError
from app.console.ui.page import Context, PageContext, page_router

router = page_router()

_PATH = "/approvals/{kind}/{identifier}/{verb}"
_MIN_COMMENT, _MAX_COMMENT = 10, 1_000
"""The API's own bounds."""


class Decision(NamedTuple):
    """One opened drawer. ``approval`` is the request as it was before."""

    context: PageContext
    approval: Approval
    verb: str

    @property
    def takes_comment(self) -> bool:
        """All but withdrawing a write-off do."""
        return not self.approval.is_write_off or self.verb != "withdraw"

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A template of the drawer."""
        values = {"approval": self.approval, **values}
        return self.context.render(template, status=status, decision=self, **values)


async def decision_of_path(
    context: Context, approval: OpenApproval, verb: Literal["approve", "reject", "withdraw"]
) -> Decision:
    """The decision of an address."""
    return Decision(context, approval, verb)


OpenDecision = Annotated[Decision, Depends(decision_of_path)]


@router.get(_PATH)
async def get_form(decision: OpenDecision) -> Response:
    """The form; the outcome if the request is already decided."""
    approval, permissions = decision.approval, permissions_of(decision.context, decision.approval)
    may_decide = permissions["required_role"] is None and permissions["are_two"]
    if approval.status != "pending":
        answer = await _outcome(decision, approval)
    elif not (permissions["may_withdraw"] if decision.verb == "withdraw" else may_decide):
        return decision.render("decisions/refused.html", **permissions)
    else:
        answer = _form(decision)
    answer.headers["HX-Replace-Url"] = f"{approval.address}?do={decision.verb}"
    return answer


@router.post(_PATH)
async def decide(decision: OpenDecision) -> Response:
    """Decide, and show the outcome."""
    comment = decision.context.form.get("comment", "").replace("\r\n", "\n").strip()
    if decision.takes_comment and not _MIN_COMMENT <= len(comment) <= _MAX_COMMENT:
        return _form(decision, comment, is_invalid=True)
    context, kind = decision.context, decision.approval.kind
    path = f"{kind.path}/{kind.verbs[decision.verb]}"
    body: Json = {"comment": comment} if decision.takes_comment else {}
    answer = await context.rest.post(path, decision.approval.id, body=body)
    try:
        approval = await current(context, kind.name, decision.approval.id)
    except RefusedError as refused:
        return _failed(decision, refused.problem, is_unknown=True)
    if approval.status == "pending":
        return _failed(decision, answer.body, is_unknown=answer.is_outcome_unknown)
    return await _outcome(decision, approval, answer.problem)


@router.get(f"{_PATH}/outcome")
async def get_outcome(decision: OpenDecision) -> Response:
    """The outcome of the posting so far, for a drawer that waits for it."""
    return await _outcome(decision, decision.approval, template="money/outcome_status.html")


def _failed(decision: Decision, problem: Json, *, is_unknown: bool) -> Response:
    """Nothing is known to be decided: what is stored would say so otherwise."""
    return decision.render(
        "decisions/failed.html",
        status=problem["status"],
        problem=problem,
        is_unknown=is_unknown,
        comment=decision.context.form.get("comment", ""),
        retry=decision.context.request.url.path,
    )


async def _outcome(
    decision: Decision,
    approval: Approval,
    problem: Json | None = None,
    template: str = "decisions/outcome.html",
) -> Response:
    command = await command_of(decision.context, approval) if approval.status == "approved" else None
    is_open = command is not None and command["status"] in ("unknown", "requested")
    page = decision.render(
        template,
        approval=approval,
        stored=command,
        problem=problem or {},
        is_open=is_open,
        poll=f"{approval.address}/{decision.verb}/outcome",
    )
    if not is_open or template == "decisions/outcome.html":
        page.headers["HX-Trigger"] = "decided"
    return page


def _form(decision: Decision, comment: str = "", *, is_invalid: bool = False) -> Response:
    message = f"Enter {_MIN_COMMENT} to {_MAX_COMMENT:,} characters. The comment is kept with the decision."
    return decision.render(
        "decisions/form.html",
        status=422 if is_invalid else 200,
        form={"comment": comment},
        errors={"comment": message} if is_invalid else {},
        min_comment=_MIN_COMMENT,
        max_comment=_MAX_COMMENT,
    )
