"""Makes a stored ledger command into the call that the ledger gets, and its answer into what is stored."""

from typing import Any, cast

from app.aggregates import CommandKind, LedgerCommand
from app.aggregates.personal import ERASED
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import ErasedIntentError, UnreadableAnswerError
from app.ledger.client.fees import FeeKind
from app.ledger.client.results import TransactionResult


async def send(client: LedgerClient, command: LedgerCommand) -> dict[str, Any]:
    """Ask the ledger, with the command's own key. Returns the facts of ``LedgerCommand.posted``.

    It is made of what is stored, so that whoever sends it again sends the same. Raises LedgerError, and
    ErasedIntentError before anything is sent.
    """
    if is_erased(command):
        raise ErasedIntentError  # The ledger would take it for another intent, and refuse what it has posted.
    answer = await _call(client, command)
    asked, told = command.intent, answer.transaction
    if asked is not None and (told.loan_account_id, told.kind) != (asked.loan_account_id, asked.kind.upper()):
        raise UnreadableAnswerError("it is about another account, or another kind of transaction")
    return {
        "transaction_id": answer.transaction.transaction_id,
        "ledger_event_id": answer.event_id,
        "result": _result(answer),
    }


def is_erased(command: LedgerCommand) -> bool:
    """Whether what was asked cannot be read whole any more, and so not be sent."""
    asked = command.intent
    return asked is not None and any(
        each is ERASED for each in (asked.reason, *(asked.details or {}).values())
    )


async def _call(client: LedgerClient, command: LedgerCommand) -> TransactionResult:
    asked = command.intent
    assert asked is not None, "a stored command has an intent"
    account, key = asked.loan_account_id, asked.idempotency_key
    details = cast("dict[str, Any]", asked.details or {})
    approved_by = command.approved_by or asked.requested_by
    match CommandKind(asked.kind):
        case CommandKind.REPAYMENT:
            assert asked.amount is not None
            return await client.record_repayment(account, asked.amount, idempotency_key=key, **details)
        case CommandKind.LATE_FEE | CommandKind.DISHONOUR_FEE as kind:
            assert asked.amount is not None
            fee = cast("FeeKind", kind.upper())
            return await client.apply_fee(
                fee, account, asked.amount, reason=asked.reason, idempotency_key=key, **details
            )
        case CommandKind.FEE_WAIVER:
            assert asked.amount is not None
            return await client.waive_fee(
                account,
                asked.amount,
                reason=asked.reason or "",
                approved_by=approved_by,
                idempotency_key=key,
                **details,
            )
        case CommandKind.ADJUSTMENT:
            assert asked.principal_delta is not None
            assert asked.fee_delta is not None
            return await client.make_adjustment(
                account,
                principal_delta=asked.principal_delta,
                fee_delta=asked.fee_delta,
                reason=asked.reason or "",
                approved_by=approved_by,
                idempotency_key=key,
            )
        case CommandKind.WRITE_OFF:
            return await client.write_off(
                account, reason=asked.reason or "", approved_by=approved_by, idempotency_key=key
            )


def _result(answer: TransactionResult) -> dict[str, Any]:
    """What the ledger told of the posting: amounts as decimal strings, what it did not tell left out."""
    told = {
        "type": answer.transaction.kind,
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
    return {name: value for name, value in told.items() if value not in (None, [], "")}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
