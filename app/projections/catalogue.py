"""All projections: a new read model is one file, and one line here."""

from app.projections.contact_notes import CONTACT_NOTES
from app.projections.conversations import conversations
from app.projections.customers import CUSTOMERS
from app.projections.ledger_commands import LEDGER_COMMANDS
from app.projections.loan_accounts import LOAN_ACCOUNTS
from app.projections.projection import Projection
from app.projections.write_off_requests import WRITE_OFF_REQUESTS
from app.runtime.settings import Settings


def all_projections(settings: Settings) -> dict[str, Projection]:
    """Every projection by its name, which is its collection's name."""
    projections = (
        CUSTOMERS,
        LOAN_ACCOUNTS,
        conversations(settings.conversation_max_utterances, settings.conversation_max_notices),
        CONTACT_NOTES,
        WRITE_OFF_REQUESTS,
        LEDGER_COMMANDS,
    )
    return {projection.name: projection for projection in projections}
