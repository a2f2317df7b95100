"""The rule of two people: requester and approver differ, and neither is a machine."""

import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from app.errors import BillieError

MACHINE = "machine:"
"""The prefix of every machine's id, in storage and on screens. No person's id begins with it."""

Limits = Mapping[str, Decimal | None]
"""The largest amount, AUD, that a role may approve; None: any. An absent role approves nothing."""


class Actor(NamedTuple):
    """A member of staff, or a machine, as named by their token."""

    id: str
    name: str | None
    role: str


class RefusedError(BillieError):
    """A rule forbids it as things stand."""

    status = 409


class OwnRequestError(RefusedError):
    """The approver also made the request."""

    status, code = 403, "own_request"


class NotRequesterError(RefusedError):
    """Only the requester may do this."""

    status, code = 403, "not_your_request"


class PersonNeededError(RefusedError):
    """A machine may not do this."""

    status, code = 403, "takes_a_person"


class OverLimitError(RefusedError):
    """The amount is above the role's limit."""

    status, code = 403, "over_your_limit"


class AlreadyDecidedError(RefusedError):
    """It does not await a decision."""

    code = "already_decided"


class OwedDiffersError(RefusedError):
    """The ledger writes off all that is owed, so the request has to be for that, to the cent."""

    def __init__(self, asked: Decimal, owed: Decimal) -> None:
        super().__init__(
            f"It owes {owed:.2f} now, and the request is for {asked:.2f}: cancel it, and make a new one."
        )
        self.code = "owes_more" if owed > asked else "owes_less"


def machine_id(name: str) -> str:
    """The id of the machine that its tokens call ``name``."""
    return f"{MACHINE}{name}"


def is_machine(one: str) -> bool:
    """Whether an id is a machine's, in any spelling."""
    return _plain(one).startswith(MACHINE)


def same_person(one: str, other: str) -> bool:
    """Whether two ids name one person: case, spacing, Unicode forms and invisible characters do not count.

    Publishers and token issuers differ in these. Look-alike letters of other alphabets do count: the
    token issuer has to keep those apart.
    """
    return _plain(one) == _plain(other)


def are_two_people(one: str, other: str) -> bool:
    """Whether these are two people. A machine is none."""
    return refusal(one, other) is None


def refusal(
    asked_by: str, by: str, act: str = "decide on", *, machine_may_ask: bool = False
) -> RefusedError | None:
    """Why a person may not ``act`` on another's request, if so: both must be people, and two."""
    if same_person(asked_by, by):
        return OwnRequestError(f"Somebody else has to {act} what you asked for.")
    if is_machine(by):
        return PersonNeededError("A person has to decide on it; this token is a machine's.")
    if is_machine(asked_by) and not machine_may_ask:
        return PersonNeededError("A machine requested it: one person must request it, and another decide.")
    return None


def check_limit(limits: Limits, role: str, amount: Decimal) -> None:
    """Raises OverLimitError if the role may not approve this much."""
    limit = limits.get(role, Decimal(0))
    if limit is not None and amount > limit:
        raise OverLimitError(f"The role {role} approves up to {limit:.2f}; this is {amount:.2f}.")


def _plain(person: str) -> str:
    text = unicodedata.normalize("NFKC", person).casefold()
    seen = "".join(each for each in text if unicodedata.category(each) not in ("Cf", "Cc", "Mn"))
    return unicodedata.normalize("NFKC", "".join(seen.split()))
