"""The wire as the contract writes it (ledger.md): its tables, with strings, dates and amounts bare."""

RPCS = """
GetTransactions: GetTransactionsRequest → GetTransactionsResponse
GetBalance: GetBalanceRequest → GetBalanceResponse
GetLedgerRecord: GetLedgerRecordRequest → LedgerRecordResponse
GetStatement: GetStatementRequest → StatementResponse
WatchTransactions: WatchTransactionsRequest → stream Transaction
RecordRepayment: RecordRepaymentRequest → TransactionResponse
ApplyFee: ApplyFeeRequest → TransactionResponse
ApplyLateFee: ApplyLateFeeRequest → TransactionResponse
ApplyDishonourFee: ApplyDishonourFeeRequest → TransactionResponse
WaiveFee: WaiveFeeRequest → TransactionResponse
WriteOff: WriteOffRequest → TransactionResponse
MakeAdjustment: MakeAdjustmentRequest → TransactionResponse
"""

TRANSACTION_TYPES = (
    "0 TRANSACTION_TYPE_UNSPECIFIED, 1 DISBURSEMENT, 2 ESTABLISHMENT_FEE, 3 REPAYMENT, "
    "4 LATE_FEE, 5 DISHONOUR_FEE, 6 FEE_WAIVER, 7 ADJUSTMENT, 8 WRITE_OFF"
)

MESSAGES = {
    "Transaction": (
        "1 transaction_id, 2 loan_account_id, 3 type TransactionType, 4 transaction_date ts, "
        "5 effective_date, 6 principal_delta, 7 fee_delta, 8 principal_after, 9 fee_after, "
        "10 total_delta, 11 total_after, 12 description, 13 reference_type, 14 reference_id, "
        "15 metadata map<string,string>, 16 created_by, 17 created_at ts, 18 portfolio_entry_id, "
        "19? notes"
    ),
    "GetTransactionsRequest": (
        "1 loan_account_id, 2? limit int32, 3? from_date, 4? to_date, 5? type_filter TransactionType"
    ),
    "GetTransactionsResponse": (
        "1 loan_account_id, 2 transactions repeated Transaction, 3 total_count int32"
    ),
    "GetBalanceRequest": ("1 loan_account_id"),
    "GetBalanceResponse": (
        "1 loan_account_id, 2 principal_balance, 3 fee_balance, 4 total_outstanding, 5 as_of ts"
    ),
    "GetLedgerRecordRequest": ("1 loan_account_id"),
    "LedgerRecordResponse": (
        "1 loan_account_id, 2 account_number, 3 customer_id, 4 application_number, "
        "5 disbursed_principal, 6 establishment_fee, 7 total_repayable, 8 principal_balance, "
        "9 fee_balance, 10 total_outstanding, 11 total_paid, 12 transaction_count int32, "
        "13? last_transaction_id, 14? schedule_id, 15 created_at ts, 16 updated_at ts"
    ),
    "GetStatementRequest": ("1 loan_account_id, 2 period_start, 3 period_end"),
    "StatementLine": ("1 date, 2 transaction_id, 3 description, 4? charge, 5? payment, 6 balance"),
    "StatementResponse": (
        "1 loan_account_id, 2 account_number, 3 customer_id, 4 period_start, 5 period_end, "
        "6 disbursed_principal, 7 establishment_fee, 8 total_repayable, 9 opening_balance, "
        "10 fees_charged, 11 payments_received, 12 closing_balance, "
        "13 lines repeated StatementLine, 14 generated_at ts"
    ),
    "WatchTransactionsRequest": ("1 loan_account_id, 2? from_transaction_id"),
    "TransactionResponse": (
        "1 transaction Transaction, 2 event_id, 3? allocated_to_fees, 4? allocated_to_principal, "
        "5? overpayment, 6 idempotent_replay bool, "
        "10 applied_to_instalments repeated InstalmentAllocation, 11? allocation_warning"
    ),
    "InstalmentAllocation": (
        "1 payment_number int32, 2 amount_applied, 3 instalment_status, 4 amount_remaining, "
        "5 due_date, 6 scheduled_amount"
    ),
    "RecordRepaymentRequest": (
        "1 loan_account_id, 2 amount, 3? payment_id, 4? payment_method, 5? payment_reference, "
        "6? notes, 7? idempotency_key, 8? target_payment_number int32, 9? schedule_id"
    ),
    "ApplyFeeRequest": (
        "1 loan_account_id, 2 fee_amount, 3 fee_type TransactionType, 4? days_past_due int32, "
        "5? reason, 6? reference_id, 7? idempotency_key"
    ),
    "ApplyLateFeeRequest": (
        "1 loan_account_id, 2 fee_amount, 3 days_past_due int32, 4? reason, 5? idempotency_key"
    ),
    "ApplyDishonourFeeRequest": (
        "1 loan_account_id, 2 fee_amount, 3? reason, 4? reference_id, 5? idempotency_key"
    ),
    "WaiveFeeRequest": (
        "1 loan_account_id, 2 waiver_amount, 3 reason, 4 approved_by, 5? notes, 6? idempotency_key"
    ),
    "WriteOffRequest": ("1 loan_account_id, 2 reason, 3 approved_by, 4? idempotency_key"),
    "MakeAdjustmentRequest": (
        "1 loan_account_id, 2 principal_delta, 3 fee_delta, 4 reason, 5 approved_by, 6? idempotency_key"
    ),
}
