"""Makes a stored ledger command into the ledger's request, and its answer into what is stored."""

from decimal import Decimal
from typing import Any, cast

from app.aggregates import CommandKind, LedgerCommand
from app.aggregates.personal import ERASED
from app.ledger.client.client import LedgerClient, WriteRequest
from app.ledger.client.errors import ErasedIntentError, UnreadableAnswerError
from app.ledger.client.results import TransactionResult
from app.ledger.wire import accounting_ledger_pb2 as wire


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
    details = cast("dict[str, Any]", asked.details or {})
    reason, approved_by = asked.reason or "", command.approved_by or asked.requested_by
    match CommandKind(asked.kind):
        case CommandKind.REPAYMENT:
            return wire.RecordRepaymentRequest(
                loan_account_id=account, idempotency_key=key, amount=amount_text(asked.amount), **details
            )
        case CommandKind.LATE_FEE | CommandKind.DISHONOUR_FEE as kind:
            return wire.ApplyFeeRequest(
                loan_account_id=account,
                idempotency_key=key,
                fee_amount=amount_text(asked.amount),
                fee_type=wire.TransactionType.Value(kind.upper()),
                reason=asked.reason,
                **details,
            )
        case CommandKind.FEE_WAIVER:
            return wire.WaiveFeeRequest(
                loan_account_id=account,
                idempotency_key=key,
                waiver_amount=amount_text(asked.amount),
                reason=reason,
                approved_by=approved_by,
                **details,
            )
        case CommandKind.ADJUSTMENT:
            return wire.MakeAdjustmentRequest(
                loan_account_id=account,
                idempotency_key=key,
                principal_delta=amount_text(asked.principal_delta),
                fee_delta=amount_text(asked.fee_delta),
                reason=reason,
                approved_by=approved_by,
            )
        case CommandKind.WRITE_OFF:
            return wire.WriteOffRequest(
                loan_account_id=account, idempotency_key=key, reason=reason, approved_by=approved_by
            )


def amount_text(amount: Decimal | None) -> str:
    """``Decimal("12.5")`` as ``"12.50"``: always the same text, because the ledger compares a key's content.

    Raises TypeError for what is not a Decimal (a float has no exact cents), and ValueError for an amount
    that is not finite or has a part of a cent.
    """
    if not isinstance(amount, Decimal):
        msg = f"an amount is a Decimal, not {type(amount).__name__}"
        raise TypeError(msg)
    if not amount.is_finite():
        msg = f"{amount} is not an amount"
        raise ValueError(msg)
    text = f"{amount if amount else Decimal(0):.2f}"  # There is a zero below zero.
    if Decimal(text) != amount:
        msg = f"{amount} has a part of a cent"
        raise ValueError(msg)
    return text


def stored_result(answer: TransactionResult) -> dict[str, Any]:
    """What is kept of the ledger's answer: amounts as decimal strings, without what it left out."""
    result = {
        "type": answer.transaction.type,
        "effectiveDate": answer.transaction.effective_date,
        "totalDelta": str(answer.transaction.total_delta),
        "principalAfter": str(answer.transaction.principal_after),
        "feeAfter": str(answer.transaction.fee_after),
        "totalAfter": str(answer.transaction.total_after),
        "allocatedToFees": _text(answer.allocated_to_fees),
        "allocatedToPrincipal": _text(answer.allocated_to_principal),
        "overpayment": _text(answer.overpayment),
        "idempotentReplay": answer.idempotent_replay or None,
        "allocationWarning": answer.allocation_warning,
        "instalments": [
            {
                "paymentNumber": each.payment_number,
                "amountApplied": str(each.amount_applied),
                "status": each.instalment_status,
                "amountRemaining": str(each.amount_remaining),
                "dueDate": each.due_date,
            }
            for each in answer.instalments
        ],
    }
    return {name: value for name, value in result.items() if value not in (None, [], "")}


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
