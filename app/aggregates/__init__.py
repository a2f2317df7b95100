"""The domain: aggregates, their events and rules, and the application that loads and saves them."""

from app.aggregates.application import Servicing, UnitOfWork
from app.aggregates.conversation import Conversation
from app.aggregates.customer import Customer
from app.aggregates.loan_account import LoanAccount
from app.aggregates.source import Source
from app.aggregates.write_off_request import WriteOffRequest

__all__ = [
    "Conversation",
    "Customer",
    "LoanAccount",
    "Servicing",
    "Source",
    "UnitOfWork",
    "WriteOffRequest",
]
