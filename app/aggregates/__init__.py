"""The domain: what may happen, a file an aggregate. Imports only the eventsourcing library and app.errors."""

from app.aggregates.adjustment_register import AdjustmentLimit, AdjustmentRegister
from app.aggregates.base import Source
from app.aggregates.contact_note import ContactNote
from app.aggregates.conversation import Conversation
from app.aggregates.customer import Customer
from app.aggregates.intent import CommandKind, Intent, command_id_of
from app.aggregates.ledger_command import CommandStatus, LedgerCommand
from app.aggregates.loan_account.account import LoanAccount
from app.aggregates.two_people import (
    Actor,
    Limits,
    RefusedError,
    are_two_people,
    is_machine,
    machine_id,
    same_person,
)
from app.aggregates.write_offs.register import WriteOffRegister
from app.aggregates.write_offs.request import WriteOffRequest

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

__all__ = [
    "AGGREGATES",
    "Actor",
    "AdjustmentLimit",
    "AdjustmentRegister",
    "CommandKind",
    "CommandStatus",
    "ContactNote",
    "Conversation",
    "Customer",
    "Intent",
    "LedgerCommand",
    "Limits",
    "LoanAccount",
    "RefusedError",
    "Source",
    "WriteOffRegister",
    "WriteOffRequest",
    "are_two_people",
    "command_id_of",
    "is_machine",
    "machine_id",
    "same_person",
]
