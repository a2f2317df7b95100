"""Makes a stored ledger command into the ledger's request, and its answer into what is stored."""

from decimal import Decimal
from typing import Any, cast

from app.aggregates import CommandKind, LedgerCommand
from app.aggregates.personal import ERASED
from app.ledger.client.client import LedgerClient, WriteRequest
from app.ledger.client.errors import ErasedIntentError, UnreadableAnswerError
from app.ledger.client.results import TransactionResult
from app.ledger.wire import accounting_ledger_pb2 as wire

_KEPT = {"allocated_to_fees", "allocated_to_principal", "overpayment", "allocation_warning"}
_BALANCES = {"total_delta", "principal_after", "fee_after", "total_after"}
_KEPT_OF_TRANSACTION = {"type", "effective_date"} | _BALANCES
_KEPT_OF_INSTALMENT = {"payment_number", "amount_applied", "amount_remaining", "due_date"}


async def send(client: LedgerClient, command: LedgerCommand) -> TransactionResult:
    """Ask the ledger, with the command's own key.

    The request is made of what is stored, so that it is the same each time it is sent. Raises LedgerError,
    and ErasedIntentError before anything is sent.
    """
    if is_erased(command):
        raise ErasedIntentError  # The ledger would take it for another intent, and refuse what it has posted.
    asked = command.intent
    assert asked is not None, "a stored command has an intent"
    answer = await client.post(request_of(command, asked))
    posted = answer.transaction
    if (posted.loan_account_id, posted.type) != (asked.loan_account_id, asked.kind.upper()):
        raise UnreadableAnswerError("it is about another account, or another kind of transaction")
    return answer


def is_erased(command: LedgerCommand) -> bool:
    """Whether part of what was asked is erased, so that it cannot be sent."""
    asked = command.intent
    return asked is not None and any(
        each is ERASED for each in (asked.reason, *(asked.details or {}).values())
    )


def request_of(command: LedgerCommand, asked: LedgerCommand.Requested) -> WriteRequest:
    """What the ledger gets. ``details`` have the contract's names."""
    account, key = asked.loan_account_id, asked.idempotency_key
    common: dict[str, Any] = {"loan_account_id": account, "idempotency_key": key}
    approved_by = command.approved_by or asked.requested_by
    decided = common | {"reason": asked.reason or "", "approved_by": approved_by}
    details = cast("dict[str, Any]", asked.details or {})
    match CommandKind(asked.kind):
        case CommandKind.REPAYMENT:
            return wire.RecordRepaymentRequest(amount=amount_text(asked.amount), **common, **details)
        case CommandKind.LATE_FEE | CommandKind.DISHONOUR_FEE as kind:
            fee, fee_type = amount_text(asked.amount), wire.TransactionType.Value(kind.upper())
            return wire.ApplyFeeRequest(
                fee_amount=fee, fee_type=fee_type, reason=asked.reason, **common, **details
            )
        case CommandKind.FEE_WAIVER:
            return wire.WaiveFeeRequest(waiver_amount=amount_text(asked.amount), **decided, **details)
        case CommandKind.ADJUSTMENT:
            principal, fee = amount_text(asked.principal_delta), amount_text(asked.fee_delta)
            return wire.MakeAdjustmentRequest(principal_delta=principal, fee_delta=fee, **decided)
        case CommandKind.WRITE_OFF:
            return wire.WriteOffRequest(**decided)


def amount_text(amount: Decimal | None) -> str:
    """``Decimal("12.5")`` as ``"12.50"``: always the same text, because the ledger compares a key's content.

    Raises TypeError for what is not a Decimal (a float has no exact cents), and ValueError for an amount
    that is not finite or has a part of a cent.
    """
    if not isinstance(amount, Decimal):
        raise TypeError(f"an amount is a Decimal, not {type(amount).__name__}")
    if not amount.is_finite():
        raise ValueError(f"{amount} is not an amount")
    text = f"{amount if amount else Decimal(0):.2f}"  # There is a zero below zero.
    if Decimal(text) != amount:
        raise ValueError(f"{amount} has a part of a cent")
    return text


def stored_result(answer: TransactionResult) -> dict[str, Any]:
    """What is kept of the ledger's answer: amounts as decimal strings, without what it left out."""
    posted = answer.transaction.model_dump(mode="json", by_alias=True, include=_KEPT_OF_TRANSACTION)
    instalments = [
        each.model_dump(mode="json", by_alias=True, include=_KEPT_OF_INSTALMENT)
        | {"status": each.instalment_status}
        for each in answer.instalments
    ]
    result = posted | answer.model_dump(mode="json", by_alias=True, include=_KEPT)
    result |= {"idempotentReplay": answer.idempotent_replay or None, "instalments": instalments}
    return {name: value for name, value in result.items() if value not in (None, [], "")}
