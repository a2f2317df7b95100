"""The single customer view."""

from datetime import datetime

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
