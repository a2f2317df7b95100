"""The single customer view: all that staff need during a phone call, in one request.

Balances are live; if the ledger does not answer, the last known ones, with a warning.
"""

import asyncio
from datetime import UTC, datetime

from fastapi import Request, Response

from app.api.documents.listing import newest
from app.api.documents.service import NOT_IN_SUMMARIES, one_document, represented
from app.api.http.pages import CustomerId
from app.api.http.router import Router
from app.api.services import services_of
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import LedgerError
from app.ledger.client.results import LedgerTransaction
from app.projections.read_models.base import Model, Money
from app.projections.read_models.contact_notes import ContactNoteDocument
from app.projections.read_models.conversations.document import ConversationSummary
from app.projections.read_models.customers import CustomerDocument
from app.projections.read_models.loan_accounts.document import Instalment, LoanAccountDocument
from app.projections.read_models.write_off_requests.document import WriteOffRequestDocument


class OverviewBalance(Model):
    """An account's balance: the ledger's now, or the last known one."""

    total_outstanding: Money | None = None
    """Absent if never reported."""
    principal_balance: Money | None = None
    """By the ledger; absent if it did not answer."""
    fee_balance: Money | None = None
    """By the ledger; absent if it did not answer."""
    live: bool
    """Whether the ledger reported it just now."""
    as_of: datetime | None = None
    """The time of the balance."""


class OverviewAccount(Model):
    """A loan account with its balance, next instalment and latest transactions."""

    account: LoanAccountDocument
    """The account as projected."""
    owed: OverviewBalance
    """Its balance."""
    next_due: Instalment | None = None
    """The first unpaid instalment."""
    latest_transactions: list[LedgerTransaction] | None = None
    """By the ledger, newest first; absent if it did not answer."""


class OverviewWarning(Model):
    """Something missing or old in the overview. ``code`` is stable."""

    code: str
    """`ledger_unavailable`, or `more_not_shown`."""
    detail: str
    """A sentence for staff."""


class Overview(Model):
    """A customer, with everything that belongs to them; of each kind the newest twenty."""

    customer_id: str
    """The customer's identifier."""
    customer: CustomerDocument
    """Profile, flags and contact."""
    in_arrears: bool
    """Whether any of their loan accounts is, those beyond the twenty too."""
    accounts: list[OverviewAccount]
    """Their loan accounts, newest first."""
    conversations: list[ConversationSummary]
    """Their conversations, newest first, without utterances."""
    notes: list[ContactNoteDocument]
    """Notes that are not amended, newest first."""
    open_write_off_requests: list[WriteOffRequestDocument]
    """Requests that await a decision."""
    warnings: list[OverviewWarning]
    """What is missing or old here."""


router = Router("/v1", "customers")

_MAX = 20
_TRANSACTIONS = 10
_PAID = "paid"


@router.document("/customers/{customerId}/overview", Overview)
async def get_customer_overview(request: Request, customer_id: CustomerId) -> Response:
    """Get a customer with accounts, live balances, conversations, notes and open requests, in one call.

    If the ledger does not answer, `warnings` says so, and balances are the last known ones.
    """
    services = services_of(request)
    database, ledger = services.database, services.ledger
    headers: dict[str, str] = {}
    customer = await one_document(database, "customers", "customer", customer_id, headers)
    theirs, limit = {"customerId": customer_id}, _MAX + 1
    accounts, conversations, notes, requests, late = await asyncio.gather(
        newest(database["loan-accounts"], theirs, limit),
        newest(database["conversations"], theirs, limit, NOT_IN_SUMMARIES),
        newest(database["contact-notes"], theirs | {"status": "active"}, limit),
        newest(database["write-off-requests"], theirs | {"status": "pending"}, limit),
        database["loan-accounts"].find_one(theirs | {"inArrears": True}, {"_id": 1}),
    )
    views = await asyncio.gather(
        *(_account(ledger, LoanAccountDocument.model_validate(each)) for each in accounts[:_MAX])
    )
    kinds = {"loan accounts": accounts, "conversations": conversations, "notes": notes, "requests": requests}
    more = [
        OverviewWarning(code="more_not_shown", detail=f"There are more than {_MAX} {kind}.")
        for kind, found in kinds.items()
        if len(found) > _MAX
    ]
    overview = Overview(
        customer_id=customer_id,
        customer=CustomerDocument.model_validate(customer),
        in_arrears=late is not None,
        accounts=[view for view, _ in views],
        conversations=[ConversationSummary.model_validate(each) for each in conversations[:_MAX]],
        notes=[ContactNoteDocument.model_validate(each) for each in notes[:_MAX]],
        open_write_off_requests=[WriteOffRequestDocument.model_validate(each) for each in requests[:_MAX]],
        warnings=[warning for _, warning in views if warning is not None] + more,
    )
    return represented(request, overview, headers=headers)


async def _account(
    ledger: LedgerClient, account: LoanAccountDocument
) -> tuple[OverviewAccount, OverviewWarning | None]:
    """Reads balance and transactions at once, each with the ledger's own deadline."""
    next_due = _next_due(account)
    try:
        balance, transactions = await asyncio.gather(
            ledger.get_balance(account.loan_account_id),
            ledger.get_transactions(account.loan_account_id, limit=_TRANSACTIONS),
        )
    except LedgerError as error:
        known = _last_known(account)
        since = f"{known.as_of:%Y-%m-%d %H:%M} UTC" if known.as_of else "an unknown time"
        detail = f"{account.loan_account_id}: balance as of {since}, ledger unavailable ({error.grpc_code})."
        warning = OverviewWarning(code="ledger_unavailable", detail=detail)
        return OverviewAccount(account=account, owed=known, next_due=next_due), warning
    now = {"live": True, "as_of": balance.as_of or datetime.now(UTC)}
    live = OverviewBalance.model_validate(vars(balance) | now)
    latest = list(transactions.transactions)
    return OverviewAccount(account=account, owed=live, next_due=next_due, latest_transactions=latest), None


def _last_known(account: LoanAccountDocument) -> OverviewBalance:
    total = account.balances.total_outstanding if account.balances else None
    return OverviewBalance(total_outstanding=total, live=False, as_of=account.updated_at)


def _next_due(account: LoanAccountDocument) -> Instalment | None:
    schedule = account.repayment_schedule
    unpaid = [each for each in (schedule.payments if schedule else []) if each.status != _PAID]
    return min(unpaid, key=lambda each: each.due_date or "9999", default=None)
