"""Money movements in the drawer: a form, its summary, and the outcome. Nothing is posted before the summary.

The key of the intent is made with the form and stays with it: a double click, a reload and a retry are the
same request to the API, which posts once.
"""

from fastapi.responses import Response

from app.console.pages.loan_lookups import account_and_balance
from app.console.pages.money.actions import Drawer, OpenDrawer
from app.console.pages.money.forms import (
    DEFAULTS,
    PAYMENT_METHODS,
    WRITE_OFF_REASONS,
    body_of,
    overpayment,
    summary_of,
    waiver_errors,
)
from app.console.session.rest import Answer, Json, RefusedError
from app.console.ui.formats import decimal
from app.console.ui.page import page_router
from app.errors import NotFoundError

router = page_router()

_PATH = "/loan-accounts/{account_id}/{name}"
Known = tuple[Json, Json]
"""The account and its balance."""


@router.get(_PATH)
async def get_form(drawer: OpenDrawer) -> Response:
    """The form; the outcome if something was already sent with this key."""
    if not drawer.is_new and (stored := await drawer.stored()) is not None:
        answer = await _outcome(drawer, stored)
    elif (role := drawer.context.rest.required_role("POST", drawer.action.route)) is not None:
        return await drawer.render("role_too_low", required_role=role)
    elif drawer.is_write_off and (pending := await drawer.pending_request()) is not None:
        return await drawer.render("request_pending", pending=pending)
    else:
        answer = await _form(drawer, DEFAULTS)
    drawer.keep_in_address(answer)
    return answer


@router.post(f"{_PATH}/check")
async def check(drawer: OpenDrawer) -> Response:
    """The summary to confirm, or the form with its errors."""
    form = drawer.context.form
    if "change" in form:
        return await _form(drawer, form)
    body, errors = body_of(drawer.action.name, form, drawer.context.settings.money_most_amount)
    if errors:
        return await _form(drawer, form, errors)
    known = await account_and_balance(drawer.context, drawer.account_id)
    if drawer.action.name == "waiver" and (errors := waiver_errors(known[1], body)):
        return await _form(drawer, form, errors, known)
    return await _summary(drawer, body, known)


@router.post(_PATH)
async def post(drawer: OpenDrawer) -> Response:
    """Post it, or request it, and show the outcome."""
    context, action = drawer.context, drawer.action
    if drawer.is_new:
        raise NotFoundError("key in the form", "key", ": open the drawer again")
    body, errors = body_of(action.name, context.form, context.settings.money_most_amount)
    if errors:
        return await _form(drawer, context.form, errors)
    if action.name == "repayment" and (known := await _unconfirmed_overpayment(drawer, body)):
        return await _summary(drawer, body, known, is_unconfirmed=True)
    identifiers = [] if drawer.is_write_off else [drawer.account_id]
    if drawer.is_write_off:
        account = await context.rest.get("/v1/loan-accounts/{}", drawer.account_id)
        names = ("loanAccountId", "customerId", "customerName", "accountNumber")
        body |= {each: account[each] for each in names if account.get(each)}
    path = action.route.replace("{loanAccountId}", "{}")
    return await _answered(drawer, await context.rest.post(path, *identifiers, body=body, key=drawer.key))


@router.get(f"{_PATH}/outcome")
async def get_outcome(drawer: OpenDrawer) -> Response:
    """The outcome so far, for a drawer that waits for it."""
    if (stored := await drawer.stored()) is None:
        raise NotFoundError("movement with the key", drawer.key)
    is_open = _is_open(drawer, stored)
    answer = await drawer.render("outcome_status", stored=stored, problem={}, is_open=is_open)
    if not is_open:
        answer.headers["HX-Trigger"] = "money-moved"
    return answer


async def _answered(drawer: Drawer, answer: Answer) -> Response:
    """What is stored counts, not the answer; if nothing is stored, the answer says why."""
    try:
        stored = await drawer.stored()
    except RefusedError as refused:
        if answer.is_problem:
            # It may be stored, and the store cannot be read: the same request finds out later.
            return await _not_posted(drawer, refused.problem, is_unknown=True)
        stored = None
    code = answer.problem.get("code")
    if stored is not None and code != "idempotency_key_reused":
        return await _outcome(drawer, stored, answer.problem)
    if not answer.is_problem:
        return await _outcome(drawer, answer.body)
    if code == "write_off_pending" and (pending := await drawer.pending_request()):
        return await drawer.render("request_pending", status=answer.status, pending=pending)
    return await _not_posted(drawer, answer.body, is_unknown=answer.is_outcome_unknown)


async def _not_posted(drawer: Drawer, problem: Json, *, is_unknown: bool) -> Response:
    return await drawer.render(
        "not_posted",
        status=problem["status"],
        problem=problem,
        is_unknown=is_unknown,
        fields=_fields(drawer),
    )


async def _outcome(drawer: Drawer, stored: Json, problem: Json | None = None) -> Response:
    is_open = _is_open(drawer, stored)
    page = await drawer.render("outcome", stored=stored, problem=problem or {}, is_open=is_open)
    page.headers["HX-Trigger"] = "money-moved"  # Refreshes the loan on the page, live updates or not.
    return page


def _is_open(drawer: Drawer, stored: Json) -> bool:
    """Whether the outcome is unknown and will come without a person's decision."""
    awaits_approval = stored.get("approval", {}).get("status") == "pending"
    return not drawer.is_write_off and stored["status"] in ("unknown", "requested") and not awaits_approval


async def _unconfirmed_overpayment(drawer: Drawer, body: Json) -> Known | None:
    """The account and balance if a repayment exceeds the balance by more than the person confirmed.

    The balance may have fallen since, by another person's posting, or by this very one: so what is stored
    under the key is looked up after the balance.
    """
    known = await account_and_balance(drawer.context, drawer.account_id)
    if (excess := overpayment(known[1], body)) is None:
        return None
    confirmed = decimal(drawer.context.form.get("overpays"))
    if confirmed is not None and confirmed.is_finite() and confirmed >= excess:
        return None
    return known if await drawer.stored() is None else None


async def _form(
    drawer: Drawer, form: Json, errors: dict[str, str] | None = None, known: Known | None = None
) -> Response:
    account, balance = known or await account_and_balance(drawer.context, drawer.account_id)
    return await drawer.render(
        "form",
        account,
        status=422 if errors else 200,
        balance=balance,
        form=form,
        errors=errors or {},
        methods=PAYMENT_METHODS,
        reasons=WRITE_OFF_REASONS,
    )


async def _summary(drawer: Drawer, body: Json, known: Known, *, is_unconfirmed: bool = False) -> Response:
    account, balance = known
    return await drawer.render(
        "summary",
        account,
        status=422 if is_unconfirmed else 200,
        balance=balance,
        body=body,
        is_unconfirmed=is_unconfirmed,
        fields=_fields(drawer, "change", "overpays"),
        **summary_of(drawer.context.settings, drawer.action.name, body, balance),
    )


def _fields(drawer: Drawer, *without: str) -> dict[str, str]:
    """The fields of the form, for a form that sends them again."""
    sent = {name: value for name, value in drawer.context.form.items() if name not in without}
    return sent | {"key": drawer.key}
