"""Which aggregates a kind of message concerns, so that a batch of messages can read them in one query."""

from collections.abc import Callable
from typing import Any

from app.aggregates import Conversation, Customer, LoanAccount, WriteOffRegister, WriteOffRequest
from app.aggregates.base import Key
from app.ingestion.messages.chat import ApplicationDetailChanged
from app.ingestion.messages.envelope import Envelope

Concerns = Callable[[Envelope, Any], tuple[Key, ...]]


def nothing(_envelope: Envelope, _payload: Any) -> tuple[Key, ...]:
    """Nothing that is known beforehand."""
    return ()


def customer(_envelope: Envelope, payload: Any) -> tuple[Key, ...]:
    return ((Customer, payload.customer_id),)


def account(_envelope: Envelope, payload: Any) -> tuple[Key, ...]:
    return ((LoanAccount, payload.account_id),)


def conversation(envelope: Envelope, _payload: Any) -> tuple[Key, ...]:
    return ((Conversation, envelope.conversation or ""),)


def applicant_of(envelope: Envelope, payload: ApplicationDetailChanged) -> str | None:
    """The customer whose application it is, by whoever says so: their details, the payload, the envelope."""
    applicant = payload.customer
    return (applicant and applicant.customer_id) or payload.customer_id or envelope.user


def application(envelope: Envelope, payload: Any) -> tuple[Key, ...]:
    """A conversation, and the customer that it is with."""
    customer_id = applicant_of(envelope, payload)
    about = conversation(envelope, payload)
    return about if customer_id is None else (*about, (Customer, customer_id))


def write_off_request(envelope: Envelope, payload: Any) -> tuple[Key, ...]:
    """The request, and the register of all of its account."""
    return (*write_off(envelope, payload), (WriteOffRegister, payload.loan_account_id))


def write_off(envelope: Envelope, _payload: Any) -> tuple[Key, ...]:
    return ((WriteOffRequest, envelope.conversation or ""),)
