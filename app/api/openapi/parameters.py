"""What the parameters of the routes mean, with an example of each, where a route does not say so itself."""

from typing import Any, NamedTuple


class Explained(NamedTuple):
    """A parameter by its name: the same wherever it stands."""

    description: str
    example: Any = None


PARAMETERS = {
    "account": Explained("The loan account's id.", "ACC-900001"),
    "actor": Explained("Who had a part in it: the id that tokens have.", "olu"),
    "before": Explained("Only those that were set aside before then: a time with its offset."),
    "commandId": Explained("The money command's id.", "97abdbed-96fb-5af1-a79c-55131ef1defa"),
    "conversationId": Explained("The conversation's id.", "CONV-900001"),
    "customerId": Explained("The customer's id.", "CUS-900001"),
    "from": Explained("From then on: a time with its offset, or a whole day in UTC."),
    "Idempotency-Key": Explained("Yours for this one intent.", "repayment-2026-03-06-0001"),
    "kind": Explained("The kind of the movement.", "repayment"),
    "loanAccountId": Explained("The loan account's id.", "ACC-900001"),
    "noteId": Explained("The note's id.", "be70ed1d-7f72-54df-8775-be32852517f1"),
    "noteType": Explained("The type of the note.", "phone_inbound"),
    "priority": Explained("The priority of the note.", "normal"),
    "reason": Explained("Why it could not be used."),
    "requestId": Explained("The write-off request's id.", "4c59eafa-5ae5-5ef6-a1b4-b0c1da737662"),
    "status": Explained("The status that they have."),
    "to": Explained("Before then: a time with its offset, or until the end of a day in UTC."),
    "type": Explained("The type that they have."),
}
