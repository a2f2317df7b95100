"""Descriptions and examples of parameters that have none on their route."""

from typing import Any, NamedTuple


class Explained(NamedTuple):
    """A parameter by its name, the same on every route."""

    description: str
    example: Any = None


PARAMETERS = {
    "account": Explained("The loan account's id.", "ACC-900001"),
    "actor": Explained("The id of a person involved, as in tokens.", "olu"),
    "before": Explained("Only those set aside before this time, with its offset."),
    "commandId": Explained("The money command's id.", "97abdbed-96fb-5af1-a79c-55131ef1defa"),
    "conversationId": Explained("The conversation's id.", "CONV-900001"),
    "customerId": Explained("The customer's id.", "CUS-900001"),
    "from": Explained("At or after: a time with its offset, or a day in UTC."),
    "Idempotency-Key": Explained("Your key for this one intent.", "repayment-2026-03-06-0001"),
    "kind": Explained("The kind of movement.", "repayment"),
    "loanAccountId": Explained("The loan account's id.", "ACC-900001"),
    "noteId": Explained("The note's id.", "be70ed1d-7f72-54df-8775-be32852517f1"),
    "noteType": Explained("The type of note.", "phone_inbound"),
    "priority": Explained("The note's priority.", "normal"),
    "reason": Explained("The rejection reason."),
    "requestId": Explained("The write-off request's id.", "4c59eafa-5ae5-5ef6-a1b4-b0c1da737662"),
    "status": Explained("The status."),
    "to": Explained("Before: a time with its offset, or up to the end of a day in UTC."),
    "type": Explained("The type."),
}
