"""What the ledger answers, in Python's own types: Decimal AUD, aware UTC times, ISO date strings.

Names are the contract's, shorter where the class says the rest. What the ledger left out is None.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar

from google.protobuf.message import Message
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.ledger.client.errors import UnreadableAnswerError
from app.ledger.wire import accounting_ledger_pb2 as wire

_MOST_DIGITS = 12
"""Of an amount in dollars: more is no money, and would be written out digit by digit."""


def _amount(value: str) -> Decimal:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount.adjusted() > _MOST_DIGITS:
        msg = f"{value!r} is not an amount"
        raise ValueError(msg)
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


Money = Annotated[Decimal, BeforeValidator(_amount)]
OptionalMoney = Annotated[Decimal | None, BeforeValidator(lambda value: _amount(value) if value else None)]
OptionalText = Annotated[str | None, BeforeValidator(lambda value: value or None)]
Time = Annotated[datetime | None, BeforeValidator(_time)]
Kind = Annotated[str, BeforeValidator(_kind), Field(validation_alias="type")]


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class Balance(_Result):
    """What is owed on a loan account at ``as_of``: ``total`` = ``principal`` + ``fees``."""

    loan_account_id: str
    principal: Money = Field(validation_alias="principal_balance")
    fees: Money = Field(validation_alias="fee_balance")
    total: Money = Field(validation_alias="total_outstanding")
    as_of: Time


class LedgerTransaction(_Result):
    """One posting. A delta below zero lowers what is owed; ``_after`` is what was owed then.

    ``kind`` is a name of the wire's TransactionType, or ``TYPE_<number>`` of one that we do not know.
    """

    transaction_id: str = Field(min_length=1)
    loan_account_id: str
    kind: Kind
    transaction_date: Time
    effective_date: str
    principal_delta: Money
    fee_delta: Money
    total_delta: Money
    principal_after: Money
    fee_after: Money
    total_after: Money
    description: str
    reference_type: str
    reference_id: str
    metadata: Annotated[dict[str, str], BeforeValidator(dict)]
    created_by: str
    created_at: Time
    portfolio_entry_id: str
    notes: OptionalText


class TransactionList(_Result):
    """Transactions, newest first. ``total_count`` also counts those beyond the requested limit."""

    loan_account_id: str
    transactions: Annotated[tuple[LedgerTransaction, ...], BeforeValidator(tuple)]
    total_count: int


class LedgerRecord(_Result):
    """An account as the ledger holds it.

    ``total_repayable`` = ``disbursed_principal`` + ``establishment_fee``.
    """

    loan_account_id: str
    account_number: str
    customer_id: str
    application_number: str
    disbursed_principal: Money
    establishment_fee: Money
    total_repayable: Money
    principal_balance: Money
    fee_balance: Money
    total_outstanding: Money
    total_paid: Money
    transaction_count: int
    last_transaction_id: OptionalText
    schedule_id: OptionalText
    created_at: Time
    updated_at: Time


class StatementLine(_Result):
    """One line of a statement: a ``charge`` or a ``payment``, and what was owed after it."""

    date: str
    transaction_id: str
    description: str
    charge: OptionalMoney
    payment: OptionalMoney
    balance: Money


class Statement(_Result):
    """An account's statement of a period, both days included."""

    loan_account_id: str
    account_number: str
    customer_id: str
    period_start: str
    period_end: str
    disbursed_principal: Money
    establishment_fee: Money
    total_repayable: Money
    opening_balance: Money
    fees_charged: Money
    payments_received: Money
    closing_balance: Money
    lines: Annotated[tuple[StatementLine, ...], BeforeValidator(tuple)]
    generated_at: Time


class InstalmentAllocation(_Result):
    """How much of a repayment an instalment took, and what it still lacks."""

    payment_number: int
    amount_applied: Money
    instalment_status: str
    amount_remaining: Money
    due_date: str
    scheduled_amount: Money


class TransactionResult(_Result):
    """What a write posted.

    ``idempotent_replay``: an earlier attempt with this key had posted it, and nothing happened now.
    ``overpayment``: what was left of a repayment when nothing was owed any more.
    """

    transaction: LedgerTransaction
    event_id: str
    allocated_to_fees: OptionalMoney
    allocated_to_principal: OptionalMoney
    overpayment: OptionalMoney
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
