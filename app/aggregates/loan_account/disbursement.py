"""When a loan was paid out, in any order of the reports."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class _Report:
    upstream_time: datetime | None
    at: datetime
    arrival: int


class Disbursement:
    """Contract, "Disbursement": money on an account that awaits it means that it was paid out.

    Reports of money are a positive balance that came without a status, and the status ACTIVE. One
    counts if the account awaited its disbursement then: both times decide, or arrival where either
    report has none. The status at the account's creation stands before all others, however late it
    arrives.
    """

    def __init__(self) -> None:
        self._arrivals = 0
        self._awaited_from_start = False
        self._awaited: list[_Report] = []
        self._money: list[_Report] = []

    def status_reported(
        self, sdk_status: str, upstream_time: datetime | None, at: datetime, *, initial: bool
    ) -> None:
        """A report of upstream's status, even of one that does not count."""
        if sdk_status == "PENDING_DISBURSEMENT":
            self.awaited(upstream_time, at, initial=initial)
        elif sdk_status == "ACTIVE":
            self.money_seen(upstream_time, at)

    def awaited(self, upstream_time: datetime | None, at: datetime, *, initial: bool) -> None:
        """A report that the account awaits its disbursement."""
        self._awaited_from_start |= initial
        self._awaited.append(self._report(upstream_time, at))

    def money_seen(self, upstream_time: datetime | None, at: datetime) -> None:
        """A report of money on the account."""
        self._money.append(self._report(upstream_time, at))
        if self._awaited_from_start:  # From now on only the earliest matters.
            self._money = [min(self._money, key=lambda money: money.at)]

    def paid_out_at(self) -> datetime | None:
        """The earliest time that money is reported for; None if it was not paid out yet."""
        return min((money.at for money in self._money if self._counts(money)), default=None)

    def _counts(self, money: _Report) -> bool:
        return self._awaited_from_start or any(_follows(money, awaited) for awaited in self._awaited)

    def _report(self, upstream_time: datetime | None, at: datetime) -> _Report:
        self._arrivals += 1
        return _Report(upstream_time, at, self._arrivals)


def _follows(later: _Report, earlier: _Report) -> bool:
    if later.upstream_time is None or earlier.upstream_time is None:
        return later.arrival > earlier.arrival
    return later.upstream_time >= earlier.upstream_time
