"""The drawers of money: a form, its summary, and what became of it. Nothing is posted before the summary.

The key of the intent is made with the form, and goes with it to the end: a double click, a reload, a second
try after no answer are the same request to the API, which posts once.
"""

from decimal import Decimal
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from app.aggregates import command_id_of
from app.api.http.problems import not_found
from app.api.write_offs.routes import request_id_of
from app.console.pages.actions import ACTIONS, Action, kept_in_address, key_of, new_key, takes
from app.console.pages.amounts import PAYMENT_METHODS, WRITE_OFF_REASONS, WrongError, body_of, change_of
from app.console.pages.balance import account_and_owed, fault_of_waiver, overpaid_by
from app.console.pages.people import about, customer_of
from app.console.session.guard import PageRoute
from app.console.session.rest import Answer, RefusedError
from app.console.ui.formats import decimal, quoted
from app.console.ui.page_context import AtDesk, Desk

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_HELD = "/loan-accounts/{account_id}/{name}"
_REQUEST = "write-off"
_LATEST = 10
"""So many requests of an account are looked at: only its latest can be unsettled."""
_WAITED_FOR = "drawer_outcome_said.html"
"""What of an outcome asks for itself again while it is open."""
_BEGINNING = {"type": "late_fee", "direction": "lower", "part": "principal", "priority": "normal"}
"""What a form has chosen at the start."""

Told = dict[str, Any]


@router.get(_HELD)
async def get_form(desk: AtDesk, account_id: str, name: str, key: str | None = None) -> Response:
    """The form; with the key of what was sent already, what became of that."""
    action = _action(name)
    told_key = key_of(key)
    if told_key is not None and (stored := await _stored(desk, action, account_id, told_key)) is not None:
        answer = await _outcome(desk, action, account_id, told_key, stored)
    elif (role := takes(desk, action)) is not None:
        told = await about(desk, account_id)
        return desk.page("drawer_refused.html", action=action, account_id=account_id, takes=role, **told)
    elif name == _REQUEST and (pending := await _pending(desk, account_id)) is not None:
        return await _asked_already(desk, action, account_id, pending)
    else:
        told_key = told_key or new_key()
        answer = await _form(desk, action, account_id, told_key, _BEGINNING)
    kept_in_address(desk.request, answer, name, account_id, told_key)
    return answer


@router.post(f"{_HELD}/check")
async def check(desk: AtDesk, account_id: str, name: str) -> Response:
    """The summary of what a form says, to be confirmed; or the form, with what is wrong in it."""
    action, key = _action(name), key_of(desk.form.get("key")) or new_key()
    if "change" in desk.form:
        return await _form(desk, action, account_id, key, desk.form)
    try:
        body = body_of(name, desk.form, desk.settings.money_most_amount)
    except WrongError as wrong:
        return await _form(desk, action, account_id, key, desk.form, wrong.faults)
    known = await account_and_owed(desk, account_id)
    if name == "waiver" and (faults := fault_of_waiver(known[1], body)):
        return await _form(desk, action, account_id, key, desk.form, faults, known)
    return await _summary(desk, action, account_id, key, body, known)


@router.post(_HELD)
async def post(desk: AtDesk, account_id: str, name: str) -> Response:
    """Have it posted, and say what became of it."""
    action, key = _action(name), key_of(desk.form.get("key"))
    if key is None:
        raise not_found("key in the form", "key", ": open the drawer anew")
    try:
        body = body_of(name, desk.form, desk.settings.money_most_amount)
    except WrongError as wrong:
        return await _form(desk, action, account_id, key, desk.form, wrong.faults)
    if name == "repayment" and (known := await _is_to_be_ticked(desk, action, account_id, key, body)):
        return await _summary(desk, action, account_id, key, body, known, is_unticked=True)
    if name == _REQUEST:
        account = await desk.rest.get("/v1/loan-accounts/{}", account_id)
        named = {each: account.get(each) for each in ("customerId", "customerName", "accountNumber")}
        body |= {each: value for each, value in named.items() if value} | {"loanAccountId": account_id}
        answer = await desk.rest.post(action.route, body=body, key=key)
    else:
        path = action.route.replace("{loanAccountId}", "{}")
        answer = await desk.rest.post(path, account_id, body=body, key=key)
    return await _answered(desk, action, account_id, key, answer)


@router.get(f"{_HELD}/outcome")
async def get_outcome(desk: AtDesk, account_id: str, name: str, key: str) -> Response:
    """What became of it by now."""
    action = _action(name)
    stored = await _stored(desk, action, account_id, key)
    if stored is None:
        raise not_found("movement with the key", key)
    return await _outcome(desk, action, account_id, key, stored, part=_WAITED_FOR)


async def _answered(desk: Desk, action: Action, account_id: str, key: str, answer: Answer) -> Response:
    """What is stored says the truth, whatever the answer was; where nothing is, the answer says why."""
    fields = {each: value for each, value in desk.form.items() if each != "key"}
    told = {"action": action, "account_id": account_id, "key": key, "fields": fields, "problem": answer.body}
    try:
        stored = await _stored(desk, action, account_id, key)
    except RefusedError as refused:
        if not answer.is_problem:
            return await _outcome(desk, action, account_id, key, answer.body)
        # Nobody can be asked whether it was stored: the same request, later, finds out.
        told |= {"problem": refused.problem, "is_unknown": True}
        told |= await about(desk, account_id)
        return desk.page("drawer_not_begun.html", status=refused.status, **told)
    if stored is not None and not (answer.is_problem and answer.body["code"] == "idempotency_key_reused"):
        return await _outcome(desk, action, account_id, key, stored, ledger_said=answer)
    if not answer.is_problem:
        return await _outcome(desk, action, account_id, key, answer.body)
    if answer.body["code"] == "write_off_pending" and (pending := await _pending(desk, account_id)):
        return await _asked_already(desk, action, account_id, pending, answer.status)
    told |= {"is_unknown": answer.tells_nothing} | await about(desk, account_id)
    return desk.page("drawer_not_begun.html", status=answer.status, **told)


async def _pending(desk: Desk, account_id: str) -> Told | None:
    """The write-off request that keeps an account from another one: it awaits its decision or its posting."""
    found = await desk.rest.get("/v1/write-off-requests", loanAccountId=account_id, limit=_LATEST)
    items: list[Told] = found["items"]
    return next((each for each in items if _is_unsettled(each)), None)


def _is_unsettled(request: Told) -> bool:
    posting = request.get("ledger", {}).get("status")
    return request["status"] == "pending" or posting in ("requested", "unknown")


async def _asked_already(
    desk: Desk, action: Action, account_id: str, pending: Told, status: int = 200
) -> Response:
    told = {"pending": pending, "account_id": account_id} | await about(desk, account_id)
    return desk.page("drawer_pending.html", status=status, action=action, **told)


async def _stored(desk: Desk, action: Action, account_id: str, key: str) -> Told | None:
    """The movement, or the request, that was stored with a key, if it is of this account."""
    if action.name == _REQUEST:
        answer = await desk.rest.ask("GET", "/v1/write-off-requests/{}", request_id_of(key))
    else:
        answer = await desk.rest.ask("GET", "/v1/ledger-commands/{}", command_id_of(key))
    if answer.status == 404:
        return None
    if answer.is_problem:
        raise RefusedError(answer.body)
    found: Told = answer.body
    return found if found["loanAccountId"] == account_id else None


async def _is_to_be_ticked(
    desk: Desk, action: Action, account_id: str, key: str, body: Told
) -> tuple[Told, Told] | None:
    """The account and what is owed, where a repayment is more than that and nobody said that it is meant.

    What was ticked holds for so much: what somebody else posted meanwhile asks anew. What is stored with the
    key lowered what is owed itself; it is looked for after that was read, so that it is not missed.
    """
    known = await account_and_owed(desk, account_id)
    if (more := overpaid_by(known[1], body)) is None:
        return None
    ticked = decimal(desk.form.get("overpays"))
    if ticked is not None and ticked.is_finite() and ticked >= more:
        return None
    return known if await _stored(desk, action, account_id, key) is None else None


async def _outcome(
    desk: Desk,
    action: Action,
    account_id: str,
    key: str,
    stored: Told,
    *,
    ledger_said: Answer | None = None,
    part: str = "drawer_outcome.html",
) -> Response:
    said = ledger_said.body if ledger_said is not None and ledger_said.is_problem else {}
    is_open = action.name != _REQUEST and _is_open(stored)
    told: Told = {"stored": stored, "problem": said, "is_open": is_open}
    if part != _WAITED_FOR:
        told |= await about(desk, account_id)
    answer = desk.page(part, action=action, account_id=account_id, key=key, **told)
    if not (is_open and part == _WAITED_FOR):
        # The account's part of the page shows it at once, live updates or not.
        answer.headers["HX-Trigger"] = "moved"
    return answer


def _is_open(command: Told) -> bool:
    """Whether its outcome comes by itself: it is not known yet, and waits for nobody."""
    awaits = command.get("approval", {}).get("status") == "pending"
    return command["status"] in ("unknown", "requested") and not awaits


async def _form(
    desk: Desk,
    action: Action,
    account_id: str,
    key: str,
    form: Told,
    faults: Told | None = None,
    known: tuple[Told, Told] | None = None,
) -> Response:
    account, owed = known or await account_and_owed(desk, account_id)
    told = {
        "account": account,
        "customer": await customer_of(desk, account.get("customerId")),
        "owed": owed,
        "form": form,
        "faults": faults or {},
        "methods": PAYMENT_METHODS,
        "reasons": WRITE_OFF_REASONS,
    }
    status = 422 if faults else 200
    return desk.page("drawer_form.html", status=status, action=action, account_id=account_id, key=key, **told)


async def _summary(
    desk: Desk,
    action: Action,
    account_id: str,
    key: str,
    body: Told,
    known: tuple[Told, Told],
    *,
    is_unticked: bool = False,
) -> Response:
    name, (account, owed) = action.name, known
    principal, fee = change_of(name, body)
    told: Told = {
        "account": account,
        "customer": await customer_of(desk, account.get("customerId")),
        "owed": owed,
        "is_asked_for": name == _REQUEST or _takes_two(desk, name, principal, fee),
        "after": _after(owed, principal + fee),
        "warnings": _warnings(desk, name, owed, principal, fee),
        "overpaid_by": overpaid_by(owed, body) if name == "repayment" else None,
        "is_unticked": is_unticked,
        "fields": {
            each: value for each, value in desk.form.items() if each not in ("key", "change", "overpays")
        },
    }
    status = 422 if is_unticked else 200
    ids = {"account_id": account_id, "key": key}
    return desk.page("drawer_summary.html", status=status, action=action, body=body, **ids, **told)


def _after(owed: Told, change: Decimal) -> Decimal | None:
    now = decimal(owed.get("totalOutstanding"))
    return None if now is None else max(now + change, Decimal(0))


def _warnings(desk: Desk, name: str, owed: Told, principal: Decimal, fee: Decimal) -> list[str]:
    """What whoever confirms has to know, and the ledger may refuse."""
    total = decimal(owed.get("totalOutstanding"))
    found = []
    if not owed["live"]:
        found.append("The ledger does not answer now: what is owed is as it was last told.")
    if name == "adjustment" and total is not None and -(principal + fee) > total:
        found.append(f"Only A${total:,.2f} is owed: the ledger will refuse to lower it by more.")
    limit = f"A${desk.settings.adjustment_limit:,.2f}"
    if _takes_two(desk, name, principal, fee):
        found.append(f"Beyond {limit} a second person has to approve it before it is posted.")
    elif name == "adjustment":
        days = desk.settings.adjustment_limit_days
        found.append(
            f"What you adjusted on this loan in the last {days} days counts too: beyond {limit} together, a "
            "second person has to approve it first."
        )
    if name == _REQUEST and total is not None and -principal != total:
        found.append(
            f"A write-off is approved for just what is owed, A${total:,.2f}: this is another amount."
        )
    return found


def _takes_two(desk: Desk, name: str, principal: Decimal, fee: Decimal) -> bool:
    """Whether another person has to approve it first: said before; the API holds it."""
    return name == "adjustment" and abs(principal) + abs(fee) > desk.settings.adjustment_limit


def _action(name: str) -> Action:
    if (action := ACTIONS.get(name)) is None:
        raise not_found("page", f"/loan-accounts/…/{quoted(name)}")
    return action
