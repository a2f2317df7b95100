"""The shared collections that are projected: a new one is a model in a file, and one line here."""

from app.projections.read_models.contact_notes.document import ContactNote
from app.projections.read_models.conversations.document import Conversation
from app.projections.read_models.customer_timeline.document import CustomerMonth
from app.projections.read_models.customers.document import Customer
from app.projections.read_models.kinds import Document
from app.projections.read_models.ledger_commands.document import LedgerCommand
from app.projections.read_models.loan_accounts.document import LoanAccount
from app.projections.read_models.portfolio_daily.document import PortfolioDay
from app.projections.read_models.write_off_requests.document import WriteOffRequest

COLLECTIONS: dict[str, type[Document]] = {
    "customers": Customer,
    "loan-accounts": LoanAccount,
    "conversations": Conversation,
    "contact-notes": ContactNote,
    "write-off-requests": WriteOffRequest,
    "ledger-commands": LedgerCommand,
    "portfolio-daily": PortfolioDay,
    "customer-timeline": CustomerMonth,
}
