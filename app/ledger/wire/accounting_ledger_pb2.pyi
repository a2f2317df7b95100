import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TransactionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSACTION_TYPE_UNSPECIFIED: _ClassVar[TransactionType]
    DISBURSEMENT: _ClassVar[TransactionType]
    ESTABLISHMENT_FEE: _ClassVar[TransactionType]
    REPAYMENT: _ClassVar[TransactionType]
    LATE_FEE: _ClassVar[TransactionType]
    DISHONOUR_FEE: _ClassVar[TransactionType]
    FEE_WAIVER: _ClassVar[TransactionType]
    ADJUSTMENT: _ClassVar[TransactionType]
    WRITE_OFF: _ClassVar[TransactionType]
TRANSACTION_TYPE_UNSPECIFIED: TransactionType
DISBURSEMENT: TransactionType
ESTABLISHMENT_FEE: TransactionType
REPAYMENT: TransactionType
LATE_FEE: TransactionType
DISHONOUR_FEE: TransactionType
FEE_WAIVER: TransactionType
ADJUSTMENT: TransactionType
WRITE_OFF: TransactionType

class Transaction(_message.Message):
    __slots__ = ("transaction_id", "loan_account_id", "type", "transaction_date", "effective_date", "principal_delta", "fee_delta", "principal_after", "fee_after", "total_delta", "total_after", "description", "reference_type", "reference_id", "metadata", "created_by", "created_at", "portfolio_entry_id", "notes")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_DATE_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_DATE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_DELTA_FIELD_NUMBER: _ClassVar[int]
    FEE_DELTA_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_AFTER_FIELD_NUMBER: _ClassVar[int]
    FEE_AFTER_FIELD_NUMBER: _ClassVar[int]
    TOTAL_DELTA_FIELD_NUMBER: _ClassVar[int]
    TOTAL_AFTER_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ID_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIO_ENTRY_ID_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    loan_account_id: str
    type: TransactionType
    transaction_date: _timestamp_pb2.Timestamp
    effective_date: str
    principal_delta: str
    fee_delta: str
    principal_after: str
    fee_after: str
    total_delta: str
    total_after: str
    description: str
    reference_type: str
    reference_id: str
    metadata: _containers.ScalarMap[str, str]
    created_by: str
    created_at: _timestamp_pb2.Timestamp
    portfolio_entry_id: str
    notes: str
    def __init__(self, transaction_id: _Optional[str] = ..., loan_account_id: _Optional[str] = ..., type: _Optional[_Union[TransactionType, str]] = ..., transaction_date: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., effective_date: _Optional[str] = ..., principal_delta: _Optional[str] = ..., fee_delta: _Optional[str] = ..., principal_after: _Optional[str] = ..., fee_after: _Optional[str] = ..., total_delta: _Optional[str] = ..., total_after: _Optional[str] = ..., description: _Optional[str] = ..., reference_type: _Optional[str] = ..., reference_id: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., created_by: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., portfolio_entry_id: _Optional[str] = ..., notes: _Optional[str] = ...) -> None: ...

class GetTransactionsRequest(_message.Message):
    __slots__ = ("loan_account_id", "limit", "from_date", "to_date", "type_filter")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    FROM_DATE_FIELD_NUMBER: _ClassVar[int]
    TO_DATE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FILTER_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    limit: int
    from_date: str
    to_date: str
    type_filter: TransactionType
    def __init__(self, loan_account_id: _Optional[str] = ..., limit: _Optional[int] = ..., from_date: _Optional[str] = ..., to_date: _Optional[str] = ..., type_filter: _Optional[_Union[TransactionType, str]] = ...) -> None: ...

class GetTransactionsResponse(_message.Message):
    __slots__ = ("loan_account_id", "transactions", "total_count")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    transactions: _containers.RepeatedCompositeFieldContainer[Transaction]
    total_count: int
    def __init__(self, loan_account_id: _Optional[str] = ..., transactions: _Optional[_Iterable[_Union[Transaction, _Mapping]]] = ..., total_count: _Optional[int] = ...) -> None: ...

class GetBalanceRequest(_message.Message):
    __slots__ = ("loan_account_id",)
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    def __init__(self, loan_account_id: _Optional[str] = ...) -> None: ...

class GetBalanceResponse(_message.Message):
    __slots__ = ("loan_account_id", "principal_balance", "fee_balance", "total_outstanding", "as_of")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_BALANCE_FIELD_NUMBER: _ClassVar[int]
    FEE_BALANCE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_OUTSTANDING_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    principal_balance: str
    fee_balance: str
    total_outstanding: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, loan_account_id: _Optional[str] = ..., principal_balance: _Optional[str] = ..., fee_balance: _Optional[str] = ..., total_outstanding: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetLedgerRecordRequest(_message.Message):
    __slots__ = ("loan_account_id",)
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    def __init__(self, loan_account_id: _Optional[str] = ...) -> None: ...

class LedgerRecordResponse(_message.Message):
    __slots__ = ("loan_account_id", "account_number", "customer_id", "application_number", "disbursed_principal", "establishment_fee", "total_repayable", "principal_balance", "fee_balance", "total_outstanding", "total_paid", "transaction_count", "last_transaction_id", "schedule_id", "created_at", "updated_at")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    DISBURSED_PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ESTABLISHMENT_FEE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_REPAYABLE_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_BALANCE_FIELD_NUMBER: _ClassVar[int]
    FEE_BALANCE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_OUTSTANDING_FIELD_NUMBER: _ClassVar[int]
    TOTAL_PAID_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    account_number: str
    customer_id: str
    application_number: str
    disbursed_principal: str
    establishment_fee: str
    total_repayable: str
    principal_balance: str
    fee_balance: str
    total_outstanding: str
    total_paid: str
    transaction_count: int
    last_transaction_id: str
    schedule_id: str
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, loan_account_id: _Optional[str] = ..., account_number: _Optional[str] = ..., customer_id: _Optional[str] = ..., application_number: _Optional[str] = ..., disbursed_principal: _Optional[str] = ..., establishment_fee: _Optional[str] = ..., total_repayable: _Optional[str] = ..., principal_balance: _Optional[str] = ..., fee_balance: _Optional[str] = ..., total_outstanding: _Optional[str] = ..., total_paid: _Optional[str] = ..., transaction_count: _Optional[int] = ..., last_transaction_id: _Optional[str] = ..., schedule_id: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetStatementRequest(_message.Message):
    __slots__ = ("loan_account_id", "period_start", "period_end")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PERIOD_START_FIELD_NUMBER: _ClassVar[int]
    PERIOD_END_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    period_start: str
    period_end: str
    def __init__(self, loan_account_id: _Optional[str] = ..., period_start: _Optional[str] = ..., period_end: _Optional[str] = ...) -> None: ...

class StatementLine(_message.Message):
    __slots__ = ("date", "transaction_id", "description", "charge", "payment", "balance")
    DATE_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CHARGE_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    date: str
    transaction_id: str
    description: str
    charge: str
    payment: str
    balance: str
    def __init__(self, date: _Optional[str] = ..., transaction_id: _Optional[str] = ..., description: _Optional[str] = ..., charge: _Optional[str] = ..., payment: _Optional[str] = ..., balance: _Optional[str] = ...) -> None: ...

class StatementResponse(_message.Message):
    __slots__ = ("loan_account_id", "account_number", "customer_id", "period_start", "period_end", "disbursed_principal", "establishment_fee", "total_repayable", "opening_balance", "fees_charged", "payments_received", "closing_balance", "lines", "generated_at")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_ID_FIELD_NUMBER: _ClassVar[int]
    PERIOD_START_FIELD_NUMBER: _ClassVar[int]
    PERIOD_END_FIELD_NUMBER: _ClassVar[int]
    DISBURSED_PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    ESTABLISHMENT_FEE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_REPAYABLE_FIELD_NUMBER: _ClassVar[int]
    OPENING_BALANCE_FIELD_NUMBER: _ClassVar[int]
    FEES_CHARGED_FIELD_NUMBER: _ClassVar[int]
    PAYMENTS_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    CLOSING_BALANCE_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    GENERATED_AT_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    account_number: str
    customer_id: str
    period_start: str
    period_end: str
    disbursed_principal: str
    establishment_fee: str
    total_repayable: str
    opening_balance: str
    fees_charged: str
    payments_received: str
    closing_balance: str
    lines: _containers.RepeatedCompositeFieldContainer[StatementLine]
    generated_at: _timestamp_pb2.Timestamp
    def __init__(self, loan_account_id: _Optional[str] = ..., account_number: _Optional[str] = ..., customer_id: _Optional[str] = ..., period_start: _Optional[str] = ..., period_end: _Optional[str] = ..., disbursed_principal: _Optional[str] = ..., establishment_fee: _Optional[str] = ..., total_repayable: _Optional[str] = ..., opening_balance: _Optional[str] = ..., fees_charged: _Optional[str] = ..., payments_received: _Optional[str] = ..., closing_balance: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[StatementLine, _Mapping]]] = ..., generated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WatchTransactionsRequest(_message.Message):
    __slots__ = ("loan_account_id", "from_transaction_id")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    from_transaction_id: str
    def __init__(self, loan_account_id: _Optional[str] = ..., from_transaction_id: _Optional[str] = ...) -> None: ...

class TransactionResponse(_message.Message):
    __slots__ = ("transaction", "event_id", "allocated_to_fees", "allocated_to_principal", "overpayment", "idempotent_replay", "applied_to_instalments", "allocation_warning")
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOCATED_TO_FEES_FIELD_NUMBER: _ClassVar[int]
    ALLOCATED_TO_PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    OVERPAYMENT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENT_REPLAY_FIELD_NUMBER: _ClassVar[int]
    APPLIED_TO_INSTALMENTS_FIELD_NUMBER: _ClassVar[int]
    ALLOCATION_WARNING_FIELD_NUMBER: _ClassVar[int]
    transaction: Transaction
    event_id: str
    allocated_to_fees: str
    allocated_to_principal: str
    overpayment: str
    idempotent_replay: bool
    applied_to_instalments: _containers.RepeatedCompositeFieldContainer[InstalmentAllocation]
    allocation_warning: str
    def __init__(self, transaction: _Optional[_Union[Transaction, _Mapping]] = ..., event_id: _Optional[str] = ..., allocated_to_fees: _Optional[str] = ..., allocated_to_principal: _Optional[str] = ..., overpayment: _Optional[str] = ..., idempotent_replay: _Optional[bool] = ..., applied_to_instalments: _Optional[_Iterable[_Union[InstalmentAllocation, _Mapping]]] = ..., allocation_warning: _Optional[str] = ...) -> None: ...

class InstalmentAllocation(_message.Message):
    __slots__ = ("payment_number", "amount_applied", "instalment_status", "amount_remaining", "due_date", "scheduled_amount")
    PAYMENT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_APPLIED_FIELD_NUMBER: _ClassVar[int]
    INSTALMENT_STATUS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_REMAINING_FIELD_NUMBER: _ClassVar[int]
    DUE_DATE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    payment_number: int
    amount_applied: str
    instalment_status: str
    amount_remaining: str
    due_date: str
    scheduled_amount: str
    def __init__(self, payment_number: _Optional[int] = ..., amount_applied: _Optional[str] = ..., instalment_status: _Optional[str] = ..., amount_remaining: _Optional[str] = ..., due_date: _Optional[str] = ..., scheduled_amount: _Optional[str] = ...) -> None: ...

class RecordRepaymentRequest(_message.Message):
    __slots__ = ("loan_account_id", "amount", "payment_id", "payment_method", "payment_reference", "notes", "idempotency_key", "target_payment_number", "schedule_id")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_METHOD_FIELD_NUMBER: _ClassVar[int]
    PAYMENT_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    TARGET_PAYMENT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ID_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    amount: str
    payment_id: str
    payment_method: str
    payment_reference: str
    notes: str
    idempotency_key: str
    target_payment_number: int
    schedule_id: str
    def __init__(self, loan_account_id: _Optional[str] = ..., amount: _Optional[str] = ..., payment_id: _Optional[str] = ..., payment_method: _Optional[str] = ..., payment_reference: _Optional[str] = ..., notes: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., target_payment_number: _Optional[int] = ..., schedule_id: _Optional[str] = ...) -> None: ...

class ApplyFeeRequest(_message.Message):
    __slots__ = ("loan_account_id", "fee_amount", "fee_type", "days_past_due", "reason", "reference_id", "idempotency_key")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    FEE_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    FEE_TYPE_FIELD_NUMBER: _ClassVar[int]
    DAYS_PAST_DUE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    fee_amount: str
    fee_type: TransactionType
    days_past_due: int
    reason: str
    reference_id: str
    idempotency_key: str
    def __init__(self, loan_account_id: _Optional[str] = ..., fee_amount: _Optional[str] = ..., fee_type: _Optional[_Union[TransactionType, str]] = ..., days_past_due: _Optional[int] = ..., reason: _Optional[str] = ..., reference_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ApplyLateFeeRequest(_message.Message):
    __slots__ = ("loan_account_id", "fee_amount", "days_past_due", "reason", "idempotency_key")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    FEE_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    DAYS_PAST_DUE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    fee_amount: str
    days_past_due: int
    reason: str
    idempotency_key: str
    def __init__(self, loan_account_id: _Optional[str] = ..., fee_amount: _Optional[str] = ..., days_past_due: _Optional[int] = ..., reason: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ApplyDishonourFeeRequest(_message.Message):
    __slots__ = ("loan_account_id", "fee_amount", "reason", "reference_id", "idempotency_key")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    FEE_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    fee_amount: str
    reason: str
    reference_id: str
    idempotency_key: str
    def __init__(self, loan_account_id: _Optional[str] = ..., fee_amount: _Optional[str] = ..., reason: _Optional[str] = ..., reference_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class WaiveFeeRequest(_message.Message):
    __slots__ = ("loan_account_id", "waiver_amount", "reason", "approved_by", "notes", "idempotency_key")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    WAIVER_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    APPROVED_BY_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    waiver_amount: str
    reason: str
    approved_by: str
    notes: str
    idempotency_key: str
    def __init__(self, loan_account_id: _Optional[str] = ..., waiver_amount: _Optional[str] = ..., reason: _Optional[str] = ..., approved_by: _Optional[str] = ..., notes: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class WriteOffRequest(_message.Message):
    __slots__ = ("loan_account_id", "reason", "approved_by", "idempotency_key")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    APPROVED_BY_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    reason: str
    approved_by: str
    idempotency_key: str
    def __init__(self, loan_account_id: _Optional[str] = ..., reason: _Optional[str] = ..., approved_by: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class MakeAdjustmentRequest(_message.Message):
    __slots__ = ("loan_account_id", "principal_delta", "fee_delta", "reason", "approved_by", "idempotency_key")
    LOAN_ACCOUNT_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_DELTA_FIELD_NUMBER: _ClassVar[int]
    FEE_DELTA_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    APPROVED_BY_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    loan_account_id: str
    principal_delta: str
    fee_delta: str
    reason: str
    approved_by: str
    idempotency_key: str
    def __init__(self, loan_account_id: _Optional[str] = ..., principal_delta: _Optional[str] = ..., fee_delta: _Optional[str] = ..., reason: _Optional[str] = ..., approved_by: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...
