"""Decisions on what awaits a second person, in the drawer: approved, rejected, or taken back.

A request is decided once, and what posts an approval has a key that follows from the request itself: a
double click, a reload and a second try are the same decision.
"""

from typing import Any, NamedTuple

from fastapi import APIRouter
from fastapi.responses import Response

from app.api.auth.callers import Role
from app.api.http.problems import not_found
from app.console.pages.approval_queue import Kind, Told, told
from app.console.pages.approvals import command_of, kind_of, may_decide
from app.console.session.guard import PageRoute
from app.console.session.rest import Answer, RefusedError
from app.console.ui.formats import quoted
from app.console.ui.page_context import AtDesk, Desk

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_HELD = "/approvals/{name}/{identifier}/{does}"
_SHORTEST, _LONGEST = 10, 1_000
"""Of a comment: the API's own bounds."""


class Decision(NamedTuple):
    """What somebody does, and the words of it."""

    name: str
    words: str
    does: str
    takes_comment: bool = True


DECISIONS = {
    "approve": Decision("approve", "Approve", "Approve, and post it"),
    "reject": Decision("reject", "Reject", "Reject it"),
    "withdraw": Decision("withdraw", "Take it back", "Take it back"),
}


@router.get(_HELD)
async def get_form(desk: AtDesk, name: str, identifier: str, does: str) -> Response:
    """The form; of a request that is decided already, what became of it."""
    kind, decision = kind_of(name), _decision(name, does)
    asked = await _asked(desk, kind, identifier)
    if asked["status"] != "pending":
        answer = await _outcome(desk, asked, decision)
    elif (why := _kept_from(desk, asked, decision)) is not None:
        return desk.page("decision_refused.html", asked=asked, decision=decision, **why)
    else:
        answer = _form(desk, asked, decision, "")
    page = f"/approvals/{quoted(name)}/{quoted(identifier)}"
    answer.headers["HX-Replace-Url"] = f"{page}?do={decision.name}"
    return answer


@router.post(_HELD)
async def decide(desk: AtDesk, name: str, identifier: str, does: str) -> Response:
    """Decide, and say what became of it."""
    kind, decision = kind_of(name), _decision(name, does)
    comment = desk.form.get("comment", "").replace("\r\n", "\n").strip()
    body: dict[str, Any] = {"comment": comment} if decision.takes_comment else {}
    if decision.takes_comment and not _SHORTEST <= len(comment) <= _LONGEST:
        return _form(desk, await _asked(desk, kind, identifier), decision, comment, is_wrong=True)
    route = {"approve": kind.approve, "reject": kind.reject, "withdraw": kind.withdraw}[decision.name]
    answer = await desk.rest.post(f"{kind.one}/{route}", identifier, body=body)
    return await _answered(desk, kind, identifier, decision, answer)


@router.get("/approvals/{name}/{identifier}/{does}/outcome")
async def get_outcome(desk: AtDesk, name: str, identifier: str, does: str) -> Response:
    """What became of its posting by now."""
    kind, decision = kind_of(name), _decision(name, does)
    asked = await _asked(desk, kind, identifier)
    return await _outcome(desk, asked, decision, part="drawer_outcome_said.html")


async def _answered(desk: Desk, kind: Kind, identifier: str, decision: Decision, answer: Answer) -> Response:
    """What is stored says the truth, whatever the answer was; where nothing is, the answer says why."""
    said: Told = {"comment": desk.form.get("comment", ""), "problem": answer.body, "decision": decision}
    try:
        asked = await _asked(desk, kind, identifier)
    except RefusedError as refused:
        return desk.page(
            "decision_not_made.html",
            status=refused.status,
            **said | {"problem": refused.problem, "is_unknown": True},
            at=f"/approvals/{quoted(kind.name)}/{quoted(identifier)}/{decision.name}",
        )
    if asked["status"] == "pending":
        at = f"/approvals/{quoted(kind.name)}/{quoted(identifier)}/{decision.name}"
        said["is_unknown"] = answer.tells_nothing
        return desk.page("decision_not_made.html", status=answer.status, at=at, **said)
    return await _outcome(desk, asked, decision, answer)


async def _outcome(
    desk: Desk,
    asked: Told,
    decision: Decision,
    answer: Answer | None = None,
    part: str = "decision_outcome.html",
) -> Response:
    command = await command_of(desk, asked) if asked["status"] == "approved" else None
    problem = answer.body if answer is not None and answer.is_problem else {}
    is_open = command is not None and command["status"] in ("unknown", "requested")
    page = desk.page(
        part,
        asked=asked,
        decision=decision,
        stored=command,
        problem=problem,
        is_open=is_open,
        # Of the outcome's own template, which drawers of money share.
        action={"name": "approval"},
        asks_again=f"/approvals/{quoted(asked['kind'].name)}/{quoted(asked['id'])}/{decision.name}/outcome",
    )
    if not (is_open and part == "drawer_outcome_said.html"):
        page.headers["HX-Trigger"] = "decided"
    return page


def _form(desk: Desk, asked: Told, decision: Decision, comment: str, *, is_wrong: bool = False) -> Response:
    return desk.page(
        "decision_form.html",
        status=422 if is_wrong else 200,
        asked=asked,
        decision=decision,
        comment=comment,
        is_wrong=is_wrong,
        shortest=_SHORTEST,
        longest=_LONGEST,
    )


def _kept_from(desk: Desk, asked: Told, decision: Decision) -> dict[str, Any] | None:
    """Why this person may not, for the drawer to say; None where they may."""
    found = may_decide(desk, asked)
    if decision.name == "withdraw":
        return None if found["may_withdraw"] else found
    takes: Role | None = found["takes"]
    return None if takes is None and found["are_two"] else found


async def _asked(desk: Desk, kind: Kind, identifier: str) -> Told:
    return told(kind, await desk.rest.get(kind.one, identifier))


def _decision(name: str, does: str) -> Decision:
    """Raises ProblemError for what is no decision. Whoever takes back an adjustment says why."""
    if (found := DECISIONS.get(does)) is None:
        raise not_found("page", f"/approvals/…/{quoted(does)}")
    return found._replace(takes_comment=False) if (name, does) == ("write-off", "withdraw") else found
