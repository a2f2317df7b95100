"""What moved the balance of a loan account beside payments, in any order of the reports."""

from bisect import bisect_right
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

_BESIDES_PAYMENTS = frozenset(("LATE_FEE", "DISHONOUR_FEE", "FEE_WAIVER", "ADJUSTMENT", "WRITE_OFF"))
"""Transaction types that change what is owed beyond what was payable from the start, AUD paid aside."""
_EVER = datetime.min.replace(tzinfo=UTC)


class _Report(NamedTuple):
    place: tuple[bool, datetime]
    balance: Decimal
    besides: bool


class Movements:
    """Each report of a balance, in the order of their times: each moved it from the one before.

    Without a time, arrival decides. The balance at the account's creation comes first, however late it
    arrives.
    """

    def __init__(self) -> None:
        self.reports: list[_Report] = []
        self.besides = Decimal(0)
        """By how much fees, waivers, adjustments and write-offs moved the balance, in all; AUD."""

    def report(
        self, balance: Decimal, transaction_type: str | None, at: datetime | None, *, initial: bool
    ) -> None:
        """A balance, and what moved it there, if that is known."""
        if initial:
            place = (False, at or _EVER)
        elif at is not None or not self.reports:
            place = (True, at or _EVER)
        else:
            place = self.reports[-1].place
        new = _Report(place, balance, transaction_type in _BESIDES_PAYMENTS)
        index = bisect_right(self.reports, place, key=lambda each: each.place)
        before = self.reports[index - 1] if index else None
        after = self.reports[index] if index < len(self.reports) else None
        self.besides += _moved(before, new) + _moved(new, after) - _moved(before, after)
        self.reports.insert(index, new)


def _moved(before: _Report | None, after: _Report | None) -> Decimal:
    if before is None or after is None or not after.besides:
        return Decimal(0)
    return after.balance - before.balance
