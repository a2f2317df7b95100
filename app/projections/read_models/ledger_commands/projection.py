"""The read model ``ledger-commands``: every money movement asked of the ledger, and what became of it."""

from typing import Any

from app.aggregates import LedgerCommand, same_person
from app.aggregates.ledger_command import NOT_POSTED
from app.projections.engine.projection import Projection
from app.projections.engine.values import GONE, Document, erase, legible, money, person, put, time

LEDGER_COMMANDS = Projection(
    "ledger-commands",
    own=(LedgerCommand,),
    begins_with=LedgerCommand.Requested,
    version=2,
)

REFUSED, WITHDRAWN = "REFUSED_BY_APPROVER", "WITHDRAWN"
"""Codes of ours beside the ledger's: a second person refused, or who asked for it took it back."""


@LEDGER_COMMANDS.on(LedgerCommand.Requested)
def _requested(document: Document, event: Any) -> None:
    document.update(
        kind=event.kind,
        loanAccountId=event.loan_account_id,
        idempotencyKey=event.idempotency_key,
        requestedBy=_actor(event.requested_by, event.requested_by_name, event.requested_role),
        requestedAt=time(event.at),
        status="requested",
    )
    details = event.details or {}
    put(
        document,
        amount=None if event.amount is None else money(event.amount),
        principalDelta=None if event.principal_delta is None else money(event.principal_delta),
        feeDelta=None if event.fee_delta is None else money(event.fee_delta),
        reason=event.reason,
        approval={"status": "pending"} if event.needs_approval else None,
        requestId=details.get("request_id"),
    )
    if (asked_by := details.get("requested_by")) is not None:
        document["writeOffRequestedBy"] = person(asked_by, details.get("requested_by_name"))


@LEDGER_COMMANDS.on(LedgerCommand.Approved, LedgerCommand.Refused)
def _decided(document: Document, event: Any) -> None:
    approved = isinstance(event, LedgerCommand.Approved)
    withdrawn = not approved and same_person(event.by, document["requestedBy"]["id"])
    document["approval"] = {
        "status": "approved" if approved else "withdrawn" if withdrawn else "refused",
        "by": _actor(event.by, event.by_name, event.role),
        "at": time(event.at),
    }
    put(document["approval"], comment=event.comment)
    if not approved:
        code = WITHDRAWN if withdrawn else REFUSED
        _settled(document, event, "rejected", error={"code": code, "message": legible(event.comment)})


@LEDGER_COMMANDS.on(LedgerCommand.Posted)
def _posted(document: Document, event: Any) -> None:
    _settled(document, event, "posted", transaction_id=event.transaction_id)


@LEDGER_COMMANDS.on(LedgerCommand.Rejected)
def _rejected(document: Document, event: Any) -> None:
    _settled(document, event, "rejected", error={"code": event.code, "message": event.message})


@LEDGER_COMMANDS.on(LedgerCommand.OutcomeUnknown)
def _unknown(document: Document, event: Any) -> None:
    document["status"] = "unknown"
    document["ledgerError"] = {"code": event.code, "message": event.message}


@LEDGER_COMMANDS.on(LedgerCommand.SettledByHand)
def _settled_by_hand(document: Document, event: Any) -> None:
    if event.posted:
        _settled(document, event, "posted", transaction_id=event.transaction_id)
    else:
        _settled(document, event, "rejected", error={"code": NOT_POSTED, "message": legible(event.because)})
    document["settledBy"] = _actor(event.by, event.by_name, event.role)


@LEDGER_COMMANDS.on(LedgerCommand.PersonalDataErased)
def _personal_data_erased(document: Document, event: Any) -> None:
    erase(document, event, "reason")
    document.get("approval", {}).pop("comment", None)
    if (error := document.get("ledgerError", {})).get("code") in (REFUSED, WITHDRAWN, NOT_POSTED):
        error["message"] = GONE  # Ours: those of the ledger are of the money.


def _settled(
    document: Document,
    event: Any,
    status: str,
    *,
    transaction_id: str | None = None,
    error: Document | None = None,
) -> None:
    document.pop("ledgerError", None)
    document.update(status=status, settledAt=time(event.at))
    put(document, transactionId=transaction_id, ledgerError=error)


def _actor(identifier: str, name: str | None, role: str) -> Document:
    actor = {"id": identifier, "role": role}
    put(actor, name=name)
    return actor
