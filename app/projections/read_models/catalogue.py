"""All projections: a new read model is one file, and one line here."""

from app.projections.engine.projection import Projection
from app.projections.read_models.contact_notes.projection import CONTACT_NOTES
from app.projections.read_models.conversations.projection import conversations
from app.projections.read_models.customer_timeline.projection import customer_timeline
from app.projections.read_models.customers.projection import CUSTOMERS
from app.projections.read_models.ledger_commands.projection import LEDGER_COMMANDS
from app.projections.read_models.loan_accounts.projection import loan_accounts
from app.projections.read_models.portfolio_daily.projection import portfolio_daily
from app.projections.read_models.write_off_requests.projection import WRITE_OFF_REQUESTS
from app.runtime.settings.settings import Settings


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
