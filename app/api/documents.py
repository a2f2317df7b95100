"""The shared collections as the API shows them (contract collections.md): one model a document.

Names are camelCase. Money is a decimal string in AUD, a time is ISO 8601 in UTC, a date is
``YYYY-MM-DD``. What is unknown is absent.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from bson.decimal128 import Decimal128
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel


def _decimal(value: Any) -> Any:
    return value.to_decimal() if isinstance(value, Decimal128) else value


Money = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+\.\d{2}$", "examples": ["620.00"]}),
]


class Document(BaseModel):
    """A document, or a part of one. Fields of the projector's own are left out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Person(Document):
    """Somebody on the staff."""

    id: str
    name: str | None = None


class Flags(Document):
    """What staff must know before they speak to a customer."""

    staff: bool | None = None
    investor: bool | None = None
    vulnerable: bool | None = None


class ResidentialAddress(Document):
    """Where a customer lives; ``street`` is composed, ``city`` mirrors ``suburb``."""

    unit_number: str | None = None
    street_number: str | None = None
    street_name: str | None = None
    street_type: str | None = None
    street: str | None = None
    suburb: str | None = None
    city: str | None = None
    state: str | None = None
    postcode: str | None = None
    country: str | None = None
    full_address: str | None = None


class Customer(Document):
    """A customer."""

    customer_id: str = Field(validation_alias="_id")
    first_name: str | None = None
    last_name: str | None = None
    preferred_name: str | None = None
    full_name: str | None = None
    email_address: str | None = None
    mobile_phone_number: str | None = None
    date_of_birth: str | None = None
    ekyc_status: str | None = None
    identity_verified: bool | None = None
    verified_at: datetime | None = None
    flags: Flags | None = None
    residential_address: ResidentialAddress | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class LoanTerms(Document):
    """What was agreed."""

    loan_amount: Money | None = None
    loan_fee: Money | None = None
    total_payable: Money | None = None
    opened_date: str | None = None
    commencement_date: str | None = None
    disbursed_date: str | None = None


class Balances(Document):
    """What is owed and what was paid, as the Accounts service last told."""

    current_balance: Money | None = None
    total_outstanding: Money | None = None
    total_paid: Money | None = None


class LastPayment(Document):
    """The last payment received."""

    date: str | None = None
    amount: Money | None = None


class Instalment(Document):
    """One payment of the schedule."""

    payment_number: int
    due_date: str | None = None
    amount: Money | None = None
    status: str | None = None
    paid_date: str | None = None
    amount_paid: Money | None = None
    amount_remaining: Money | None = None
    linked_transaction_ids: list[str] | None = None
    last_updated: datetime | None = None


class RepaymentSchedule(Document):
    """The payments, in number order."""

    schedule_id: str | None = None
    number_of_payments: int | None = None
    payment_frequency: str | None = None
    created_date: str | None = None
    payments: list[Instalment] = Field(default_factory=list)


class Aging(Document):
    """How late an account is."""

    days_past_due: int | None = None
    bucket: str | None = None
    is_in_arrears: bool | None = None
    last_updated: datetime | None = None


class Closure(Document):
    """Why and how an account was closed."""

    reason: str | None = None
    previous_status: str | None = None
    closed_date: str | None = None
    final_balance: Money | None = None
    total_paid: Money | None = None
    triggered_by_transaction_id: str | None = None


class LoanAccount(Document):
    """A loan account."""

    loan_account_id: str = Field(validation_alias="_id")
    account_number: str | None = None
    customer_id: str | None = None
    customer_name: str | None = None
    loan_terms: LoanTerms | None = None
    balances: Balances | None = None
    last_payment: LastPayment | None = None
    account_status: str | None = None
    sdk_status: str | None = None
    signed_loan_agreement_url: str | None = None
    repayment_schedule: RepaymentSchedule | None = None
    aging: Aging | None = None
    closure: Closure | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Utterance(Document):
    """Something that was said."""

    username: str
    utterance: str | None = None
    created_at: datetime | None = None
    rationale: str | None = None
    answer_input_type: str | None = None
    end_conversation: bool | None = None
    additional_data: Any = None


class Notice(Document):
    """What an agent wrote on the noticeboard."""

    agent_name: str | None = None
    topic: str | None = None
    content: Any = None
    timestamp: datetime | None = None


class DecisionDetail(Document):
    """What came with a final decision."""

    reason: str | None = None
    retry_eligible: bool | None = None
    blocked_until: str | None = None


class ConversationSummary(Document):
    """A conversation without what was said in it."""

    conversation_id: str = Field(validation_alias="_id")
    customer_id: str | None = None
    application_number: str | None = None
    status: str | None = None
    started_at: datetime | None = None
    last_utterance_at: datetime | None = None
    utterance_count: int | None = None
    noticeboard_count: int | None = None
    purpose: str | None = None
    final_decision: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Conversation(ConversationSummary):
    """A conversation, with the newest of what was said and noted, and the true counts."""

    utterances: list[Utterance] = Field(default_factory=list)
    noticeboard: list[Notice] = Field(default_factory=list)
    assessments: dict[str, Any] | None = None
    application_data: dict[str, Any] | None = None
    facts: list[Any] | None = None
    decision_detail: DecisionDetail | None = None


class ContactNote(Document):
    """A contact note. `content` is Markdown as somebody wrote it: escape what you render."""

    note_id: str = Field(validation_alias="_id")
    customer_id: str
    loan_account_id: str | None = None
    conversation_id: str | None = None
    note_type: str
    contact_direction: str | None = None
    subject: str
    content: str
    priority: str
    sentiment: str
    created_by: Person
    created_at: datetime
    status: Literal["active", "amended"]
    amends_note_id: str | None = None
    amended_by_note_id: str | None = None


class NoteWithChain(ContactNote):
    """A contact note, and the notes of its chain, oldest first, itself among them."""

    chain: list[ContactNote]


class Decision(Document):
    """Who decided on a request, and when."""

    by: Person
    at: datetime
    comment: str | None = None


class LedgerReference(Document):
    """What the ledger made of an approval."""

    transaction_id: str | None = None
    event_id: str | None = None


class WriteOffRequest(Document):
    """A write-off request."""

    request_id: str = Field(validation_alias="_id")
    request_number: str
    loan_account_id: str
    customer_id: str | None = None
    customer_name: str | None = None
    account_number: str | None = None
    amount: Money
    original_balance: Money | None = None
    reason: str | None = None
    notes: str | None = None
    priority: str | None = None
    status: str
    requested_by: Person | None = None
    requested_at: datetime | None = None
    decision: Decision | None = None
    ledger: LedgerReference | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
