"""The domain: what may happen, a file an aggregate. Imports only the eventsourcing library and app.errors."""

from app.aggregates.adjustment_register import AdjustmentLimit as AdjustmentLimit
from app.aggregates.adjustment_register import AdjustmentRegister as AdjustmentRegister
from app.aggregates.base import Source as Source
from app.aggregates.contact_note import ContactNote as ContactNote
from app.aggregates.conversation import Conversation as Conversation
from app.aggregates.customer import Customer as Customer
from app.aggregates.intent import CommandKind as CommandKind
from app.aggregates.intent import Intent as Intent
from app.aggregates.intent import command_id_of as command_id_of
from app.aggregates.ledger_command import CommandStatus as CommandStatus
from app.aggregates.ledger_command import LedgerCommand as LedgerCommand
from app.aggregates.loan_account.account import LoanAccount as LoanAccount
from app.aggregates.two_people import Actor as Actor
from app.aggregates.two_people import Limits as Limits
from app.aggregates.two_people import RefusedError as RefusedError
from app.aggregates.two_people import are_two_people as are_two_people
from app.aggregates.two_people import is_machine as is_machine
from app.aggregates.two_people import machine_id as machine_id
from app.aggregates.two_people import same_person as same_person
from app.aggregates.write_offs.register import WriteOffRegister as WriteOffRegister
from app.aggregates.write_offs.request import WriteOffRequest as WriteOffRequest

AGGREGATES = (
    Customer,
    LoanAccount,
    Conversation,
    ContactNote,
    WriteOffRequest,
    WriteOffRegister,
    LedgerCommand,
    AdjustmentRegister,
)
"""Every aggregate class of this release; any other in the store comes from a newer one."""
