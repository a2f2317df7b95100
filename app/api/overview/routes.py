"""The single customer view: all that staff need while they are on the phone, in one call.

What the ledger says is live; where it does not answer, what it last told us stands in its place, and says so.
"""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from app.api.auth.requires import Authenticated
from app.api.documents.listing import newest
from app.api.documents.routes import NOT_IN_SUMMARIES, Named, database_of, one_document
from app.api.http.etags import TAGGED, represented
from app.api.http.problems import documented
from app.api.ledger.routes import Ledger
from app.api.ledger.schemas import LedgerBalance, LedgerTransaction
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerError
from app.projections.read_models.contact_notes import ContactNoteDocument
from app.projections.read_models.conversations import ConversationSummary
from app.projections.read_models.customers import CustomerDocument
from app.projections.read_models.loan_accounts.document import Instalment, LoanAccountDocument
from app.projections.read_models.types import Model, Money
from app.projections.read_models.write_off_requests import WriteOffRequestDocument

router = APIRouter(
    prefix="/v1",
    tags=["customers"],
    dependencies=[Authenticated],
    responses=documented(400, 401, 403, 422, 429, 503),
)

_MOST = 20
_TRANSACTIONS = 10
_PAID = "paid"


class Owed(Model):
    """What is owed on an account: the ledger's word now, or what it last told us."""

    total_outstanding: Money | None = None
    """Absent where nobody ever told."""
    principal_balance: Money | None = None
    """By the ledger; absent where it did not answer."""
    fee_balance: Money | None = None
    """By the ledger; absent where it did not answer."""
    live: bool
    """Whether the ledger said so just now."""
    as_of: datetime | None = None
    """Up to when this is known."""


class AccountInView(Model):
    """A loan account, what is owed on it, what is due next, and its latest transactions."""

    account: LoanAccountDocument
    """The account as projected."""
    owed: Owed
    """What is owed."""
    next_due: Instalment | None = None
    """The first instalment that is not paid."""
    latest_transactions: list[LedgerTransaction] | None = None
    """By the ledger, newest first; absent where it did not answer."""


class Warned(Model):
    """Something that is missing or old in what is shown. ``code`` is stable."""

    code: str
    """`ledger_unavailable`, or `more_not_shown`."""
    detail: str
    """In words, for whoever reads it out."""


class Overview(Model):
    """A customer, with all that belongs to them; of each kind the newest twenty."""

    customer_id: str
    """Whose it is."""
    customer: CustomerDocument
    """Profile, flags and contact."""
    in_arrears: bool
    """Whether any account is."""
    accounts: list[AccountInView]
    """Their loan accounts, newest first."""
    conversations: list[ConversationSummary]
    """Their chats, newest first, without what was said."""
    notes: list[ContactNoteDocument]
    """Notes that no other has taken the place of, newest first."""
    open_write_off_requests: list[WriteOffRequestDocument]
    """Requests that await a decision."""
    warnings: list[Warned]
    """What is missing or old here; empty when all is well."""


@router.get(
    "/customers/{customerId}/overview",
    operation_id="getCustomerOverview",
    responses=documented(404) | TAGGED,
    response_model=Overview,
)
async def get_customer_overview(
    request: Request,
    response: Response,
    ledger: Ledger,
    customerId: Named,  # noqa: N803 - the wire's name
) -> Response:
    """Get a customer with accounts, live balances, chats, notes and open requests, in one call.

    A ledger that does not answer leaves `warnings`, and balances as they were last told.
    """
    database = database_of(request)
    customer = await one_document(response, database, "customers", "customer", customerId)
    theirs, most = {"customerId": customerId}, _MOST + 1
    accounts, conversations, notes, requests = await asyncio.gather(
        newest(database["loan-accounts"], theirs, most),
        newest(database["conversations"], theirs, most, NOT_IN_SUMMARIES),
        newest(database["contact-notes"], theirs | {"status": "active"}, most),
        newest(database["write-off-requests"], theirs | {"status": "pending"}, most),
    )
    seen = await asyncio.gather(
        *(_account(ledger, LoanAccountDocument.model_validate(each)) for each in accounts[:_MOST])
    )
    warnings = [warning for _, warning in seen if warning is not None]
    kinds = {"loan accounts": accounts, "conversations": conversations, "notes": notes, "requests": requests}
    warnings += [
        Warned(code="more_not_shown", detail=f"There are more than {_MOST} {kind}.")
        for kind, found in kinds.items()
        if len(found) > _MOST
    ]
    return represented(
        request,
        response,
        Overview(
            customer_id=customerId,
            customer=CustomerDocument.model_validate(customer),
            in_arrears=any(view.account.aging and view.account.aging.is_in_arrears for view, _ in seen),
            accounts=[view for view, _ in seen],
            conversations=[ConversationSummary.model_validate(each) for each in conversations[:_MOST]],
            notes=[ContactNoteDocument.model_validate(each) for each in notes[:_MOST]],
            open_write_off_requests=[
                WriteOffRequestDocument.model_validate(each) for each in requests[:_MOST]
            ],
            warnings=warnings,
        ),
    )


async def _account(ledger: LedgerClient, account: LoanAccountDocument) -> tuple[AccountInView, Warned | None]:
    """Both reads at once, each with the ledger's own deadline."""
    try:
        balance, told = await asyncio.gather(
            ledger.get_balance(account.loan_account_id),
            ledger.get_transactions(account.loan_account_id, limit=_TRANSACTIONS),
        )
    except LedgerError as error:
        owed = _last_told(account)
        since = f"{owed.as_of:%Y-%m-%d %H:%M} UTC" if owed.as_of else "an unknown time"
        detail = f"{account.loan_account_id}: balance as of {since}, ledger unavailable ({error.code})."
        return _view(account, owed), Warned(code="ledger_unavailable", detail=detail)
    now = LedgerBalance.model_validate(balance)
    owed = Owed(
        total_outstanding=now.total_outstanding,
        principal_balance=now.principal_balance,
        fee_balance=now.fee_balance,
        live=True,
        as_of=now.as_of or datetime.now(UTC),
    )
    latest = [LedgerTransaction.model_validate(each) for each in told.transactions]
    return _view(account, owed, latest), None


def _view(
    account: LoanAccountDocument, owed: Owed, latest: list[LedgerTransaction] | None = None
) -> AccountInView:
    return AccountInView(account=account, owed=owed, next_due=_next_due(account), latest_transactions=latest)


def _last_told(account: LoanAccountDocument) -> Owed:
    balances = account.balances
    return Owed(
        total_outstanding=balances.total_outstanding if balances else None,
        live=False,
        as_of=account.updated_at,
    )


def _next_due(account: LoanAccountDocument) -> Instalment | None:
    schedule = account.repayment_schedule
    unpaid = [each for each in (schedule.payments if schedule else []) if each.status != _PAID]
    return min(unpaid, key=lambda each: each.due_date or "9999", default=None)
