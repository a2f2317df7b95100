"""All projections: a new read model is one file, and one line here."""

from app.projections.contact_notes import CONTACT_NOTES
from app.projections.conversations import conversations
from app.projections.customer_timeline import customer_timeline
from app.projections.customers import CUSTOMERS
from app.projections.ledger_commands import LEDGER_COMMANDS
from app.projections.loan_accounts import loan_accounts
from app.projections.portfolio_daily import portfolio_daily
from app.projections.projection import Projection
from app.projections.write_off_requests import WRITE_OFF_REQUESTS
from app.runtime.settings import Settings


def all_projections(settings: Settings) -> dict[str, Projection]:
    """Every projection by its name, which is its collection's name."""
    projections = (
        CUSTOMERS,
        loan_accounts(settings.business_time_zone),
        conversations(settings.conversation_max_utterances, settings.conversation_max_notices),
        CONTACT_NOTES,
        WRITE_OFF_REQUESTS,
        LEDGER_COMMANDS,
        portfolio_daily(settings.business_time_zone),
        customer_timeline(settings.business_time_zone),
    )
    return {projection.name: projection for projection in projections}
