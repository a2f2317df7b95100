"""What is known of the payments of repayment schedules, in any order of the reports."""

from datetime import datetime
from decimal import Decimal
from typing import Required, TypedDict, cast

from app.aggregates.report_order import FieldStamps


class Instalment(TypedDict, total=False):
    """A payment, as far as it was reported."""

    payment_number: Required[int]
    due_date: str
    amount: Decimal
    status: str
    paid_date: str
    amount_paid: Decimal
    amount_remaining: Decimal
    linked_transaction_ids: list[str]
    last_updated: datetime


_Known = dict[int, Instalment]


class Instalments:
    """Keeps the newest report of each field of each payment, by the schedule that it is about.

    News need not name its schedule. Until one is created it waits, unnamed; then it is about that
    one, unless it is older: a schedule's news cannot be older than the schedule.
    """

    def __init__(self) -> None:
        self._known: dict[str | None, _Known] = {}
        self.stamps = FieldStamps()

    def fresh(
        self, schedule_id: str | None, payments: list[Instalment], upstream_time: datetime | None
    ) -> list[Instalment]:
        """The payments without what is older than what is known of them; those with nothing left go."""
        found: list[Instalment] = []
        for payment in payments:
            number, at = payment["payment_number"], payment.get("last_updated") or upstream_time
            news = {
                name: value
                for name, value in payment.items()
                if name != "payment_number"
                and all(self.stamps.accepts(_stamp(key, number, name), at) for key in {schedule_id, None})
            }
            if news:
                found.append(cast("Instalment", {"payment_number": number, **news}))
        return found

    def remember(
        self, schedule_id: str | None, payments: list[Instalment], upstream_time: datetime | None
    ) -> None:
        """Keep what is fresh."""
        known = self._known.setdefault(schedule_id, {})
        for payment in payments:
            number, at = payment["payment_number"], payment.get("last_updated") or upstream_time
            known[number] = cast("Instalment", {**known.get(number, {}), **payment})
            self.stamps.note((_stamp(schedule_id, number, name) for name in payment), at)

    def of(self, schedule_id: str, since: datetime | None) -> list[Instalment]:
        """What is known of a schedule made at ``since``, unnamed news included."""
        known = {
            number: dict[str, object](payment) for number, payment in self._known.get(schedule_id, {}).items()
        }
        for number, name, value in self._unnamed(since):
            known.setdefault(number, {"payment_number": number})
            if self._is_newest(schedule_id, number, name):
                known[number][name] = value
        return [cast("Instalment", payment) for payment in known.values()]

    def adopt(self, schedule_id: str, since: datetime | None) -> None:
        """Take unnamed news as news of the schedule."""
        adopted = self.of(schedule_id, since)
        for number, name, _ in list(self._unnamed(since)):
            if self._is_newest(schedule_id, number, name):
                at = self.stamps.time_of(_stamp(None, number, name))
                self.stamps.note([_stamp(schedule_id, number, name)], at)
            self.stamps.drop(_stamp(None, number, name))
            del cast("dict[str, object]", self._known[None][number])[name]
        self._known[schedule_id] = {payment["payment_number"]: payment for payment in adopted}

    def _unnamed(self, since: datetime | None) -> list[tuple[int, str, object]]:
        return [
            (number, name, value)
            for number, payment in self._known.get(None, {}).items()
            for name, value in payment.items()
            if name != "payment_number"
            and (
                since is None
                or (at := self.stamps.time_of(_stamp(None, number, name))) is None
                or at >= since
            )
        ]

    def _is_newest(self, schedule_id: str, number: int, name: str) -> bool:
        at = self.stamps.time_of(_stamp(None, number, name))
        return self.stamps.accepts(_stamp(schedule_id, number, name), at)


def _stamp(schedule_id: str | None, number: int, name: str) -> str:
    return f"{'unnamed' if schedule_id is None else f'of {schedule_id}'}/{number}/{name}"
