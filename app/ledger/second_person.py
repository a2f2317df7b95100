"""What takes a second person, and within which limits: rules that write-offs and adjustments share."""

from collections.abc import Mapping
from decimal import Decimal

Limits = Mapping[str, Decimal | None]
"""Up to what amount, AUD, a role may approve; None: any. A role that is not there may not."""


class RefusedError(Exception):
    """A rule forbids it. ``code`` is stable; the text is for the person who asks."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def check_limit(limits: Limits, role: str, amount: Decimal) -> None:
    """Raises RefusedError where the role may not approve so much."""
    limit = limits[role]
    if limit is not None and amount > limit:
        msg = f"The role {role} approves up to {limit:.2f}; this is {amount:.2f}."
        raise RefusedError("over_your_limit", msg)
