"""What takes a second person, and within which limits: rules that write-offs and adjustments share."""

from collections.abc import Mapping
from decimal import Decimal

from app.aggregates import Actor, is_machine, same_person
from app.errors import BillieError

Limits = Mapping[str, Decimal | None]
"""Up to what amount, AUD, a role may approve; None: any. A role that is not there may not."""


class RefusedError(BillieError):
    """The state of things forbids it. ``code`` is stable; the text is for the person who asks."""

    status = 409

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class ForbiddenError(RefusedError):
    """A rule forbids it to this caller."""

    status = 403


def check_second_person(asked_by: str, actor: Actor) -> None:
    """Raises RefusedError where who decides is who asked, or where one of them is a machine."""
    if same_person(asked_by, actor.id):
        raise ForbiddenError("own_request", "Somebody else has to decide on what you asked for.")
    if is_machine(actor.id):
        raise ForbiddenError("takes_a_person", "A person has to decide on it; this token is a machine's.")
    if is_machine(asked_by):
        msg = "A machine asked for it: a person has to ask, and another one to decide."
        raise ForbiddenError("takes_a_person", msg)


def check_limit(limits: Limits, role: str, amount: Decimal) -> None:
    """Raises RefusedError where the role may not approve so much."""
    limit = limits[role]
    if limit is not None and amount > limit:
        msg = f"The role {role} approves up to {limit:.2f}; this is {amount:.2f}."
        raise ForbiddenError("over_your_limit", msg)
