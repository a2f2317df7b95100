"""The shared collections that are projected: a new one is a model in a file, and one line here."""

from app.documents.contact_notes import ContactNote
from app.documents.conversations import Conversation
from app.documents.customer_timeline import CustomerMonth
from app.documents.customers import Customer
from app.documents.kinds import Document
from app.documents.ledger_commands import LedgerCommand
from app.documents.loan_accounts import LoanAccount
from app.documents.portfolio_daily import PortfolioDay
from app.documents.write_off_requests import WriteOffRequest

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
