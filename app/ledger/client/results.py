"""The ledger's answers, for our code and for REST: the contract's names (ledger.md), in camelCase as JSON.

Money is a Decimal in AUD, in JSON a decimal string; a time is aware and in UTC; a date is ``YYYY-MM-DD``.
What the ledger left out is None, and absent in JSON.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar

from google.protobuf.message import Message
from pydantic import AliasGenerator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from app.ledger.client.errors import UnreadableAnswerError
from app.ledger.wire import accounting_ledger_pb2 as wire
from app.runtime.camel_model import Money

_MOST_DIGITS = 12
"""Of an amount in dollars: more is no money, and would be written out digit by digit."""


def _amount(value: str) -> Decimal:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount.adjusted() > _MOST_DIGITS:
        raise ValueError(f"{value!r} is not an amount")
    return amount


def _time(value: Any) -> datetime | None:
    if not value.ByteSize():
        return None
    try:
        at: datetime = value.ToDatetime(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from error
    return at


def _kind(number: int) -> str:
    # A ledger newer than this client may know more kinds; the number is better than a failure.
    descriptor = wire.TransactionType.DESCRIPTOR.values_by_number.get(number)
    return f"TYPE_{number}" if descriptor is None else str(descriptor.name)


def _or_none(value: str) -> str | None:
    return value or None


AUD = Annotated[Money, BeforeValidator(_amount)]
OptionalAUD = Annotated[AUD | None, BeforeValidator(_or_none)]
OptionalText = Annotated[str | None, BeforeValidator(_or_none)]
Time = Annotated[datetime | None, BeforeValidator(_time)]


class _Result(BaseModel):
    """Read from the attributes of a message of the wire, shown in camelCase."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(serialization_alias=to_camel), frozen=True, from_attributes=True
    )


class LedgerBalance(_Result):
    """The balance now: `totalOutstanding` = `principalBalance` + `feeBalance`."""

    loan_account_id: str
    principal_balance: AUD
    fee_balance: AUD
    total_outstanding: AUD
    as_of: Time = None


class LedgerTransaction(_Result):
    """One posting. A negative delta lowers the balance; `…After` is the balance after it."""

    transaction_id: str = Field(min_length=1)
    loan_account_id: str
    type: Annotated[str, BeforeValidator(_kind)]
    transaction_date: Time = None
    effective_date: str
    principal_delta: AUD
    fee_delta: AUD
    principal_after: AUD
    fee_after: AUD
    total_delta: AUD
    total_after: AUD
    description: str
    reference_type: str
    reference_id: str
    metadata: Annotated[dict[str, str], BeforeValidator(dict)]
    created_by: str
    created_at: Time = None
    portfolio_entry_id: str
    notes: OptionalText = None


class TransactionList(_Result):
    """Transactions, newest first. ``total_count`` also counts those beyond the requested limit."""

    loan_account_id: str
    transactions: Annotated[tuple[LedgerTransaction, ...], BeforeValidator(tuple)]
    total_count: int


class LedgerRecord(_Result):
    """An account as the ledger holds it: `totalRepayable` = `disbursedPrincipal` + `establishmentFee`."""

    loan_account_id: str
    account_number: str
    customer_id: str
    application_number: str
    disbursed_principal: AUD
    establishment_fee: AUD
    total_repayable: AUD
    principal_balance: AUD
    fee_balance: AUD
    total_outstanding: AUD
    total_paid: AUD
    transaction_count: int
    last_transaction_id: OptionalText = None
    schedule_id: OptionalText = None
    created_at: Time = None
    updated_at: Time = None


class StatementLine(_Result):
    """A charge or a payment, and the balance after it."""

    date: str
    transaction_id: str
    description: str
    charge: OptionalAUD = None
    payment: OptionalAUD = None
    balance: AUD


class LedgerStatement(_Result):
    """An account's statement of a period, both days included."""

    loan_account_id: str
    account_number: str
    customer_id: str
    period_start: str
    period_end: str
    disbursed_principal: AUD
    establishment_fee: AUD
    total_repayable: AUD
    opening_balance: AUD
    fees_charged: AUD
    payments_received: AUD
    closing_balance: AUD
    lines: Annotated[tuple[StatementLine, ...], BeforeValidator(tuple)]
    generated_at: Time = None


class InstalmentAllocation(_Result):
    """How much of a repayment an instalment took, and what it still lacks."""

    payment_number: int
    amount_applied: AUD
    instalment_status: str
    amount_remaining: AUD
    due_date: str
    scheduled_amount: AUD


class TransactionResult(_Result):
    """What a write posted.

    ``idempotent_replay``: an earlier attempt with this key had posted it, and nothing happened now.
    ``overpayment``: what was left of a repayment when nothing was owed any more.
    """

    transaction: LedgerTransaction
    event_id: str
    allocated_to_fees: OptionalAUD
    allocated_to_principal: OptionalAUD
    overpayment: OptionalAUD
    idempotent_replay: bool
    instalments: Annotated[tuple[InstalmentAllocation, ...], BeforeValidator(tuple)] = Field(
        validation_alias="applied_to_instalments"
    )
    allocation_warning: OptionalText


R = TypeVar("R", bound=_Result)


def result_of(kind: type[R], answer: Message) -> R:
    """Read a message of the wire. Raises UnreadableAnswerError."""
    try:
        return kind.model_validate(answer)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        place = ".".join(map(str, wrong["loc"]))
        raise UnreadableAnswerError(f"{place}: {wrong['msg']}") from error
