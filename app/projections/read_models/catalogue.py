"""All read models: a new one is one file, a line here, and a line in ``names``."""

from app.projections.engine.projection import Projection
from app.projections.read_models.base import Model, Options, ReadModel
from app.projections.read_models.contact_notes import ContactNotes
from app.projections.read_models.conversations.read_model import Conversations
from app.projections.read_models.customer_timeline.read_model import CustomerTimeline
from app.projections.read_models.customers import Customers
from app.projections.read_models.ledger_commands import LedgerCommands
from app.projections.read_models.loan_accounts.read_model import LoanAccounts
from app.projections.read_models.portfolio_daily import PortfolioDaily
from app.projections.read_models.write_off_requests.read_model import WriteOffRequests
from app.runtime.settings.settings import Settings

READ_MODELS: tuple[type[ReadModel], ...] = (
    Customers,
    LoanAccounts,
    Conversations,
    ContactNotes,
    WriteOffRequests,
    LedgerCommands,
    PortfolioDaily,
    CustomerTimeline,
)

COLLECTIONS: dict[str, type[Model]] = {each.name: each.model for each in READ_MODELS}
"""The shape of the documents in each shared collection."""


def all_projections(settings: Settings) -> dict[str, Projection]:
    """Every projection by its name, which is its collection's name."""
    options = Options.of(settings)
    return {each.name: each(options) for each in READ_MODELS}
