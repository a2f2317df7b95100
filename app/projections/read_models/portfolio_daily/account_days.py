"""The lookup of ``portfolio-daily``: the state of each loan account, day by day, and its last payment.

A document's ``states`` are in order of ``day``. Each has the account's ``status``, ``bucket`` and
``outstanding``, as far as they are known, and differs from the one before it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args

from bson.decimal128 import Decimal128

from app.aggregates import LoanAccount
from app.aggregates.base import Key
from app.aggregates.loan_account.status import TERMINAL_STATUSES, AccountStatus, AgingBucket
from app.projections.engine.faults import FAULTED
from app.projections.engine.projection import AtHand, Lookup, Target
from app.projections.engine.values import Document, money, put
from app.projections.read_models.calendar import BusinessCalendar, happened_at

NOTHING = Decimal128("0.00")
Share = dict[str, Any]
"""The state of an account: ``status``, ``bucket``, ``outstanding``."""


@dataclass(frozen=True)
class DayBegun:
    """A day gets its document, with the totals of the last one before it, if any."""

    totals: Document


@dataclass(frozen=True)
class AccountMoved:
    """An account's state on that day has changed; either state may be unknown (empty)."""

    was: Share
    now: Share


@dataclass(frozen=True)
class Paid:
    """A payment of that day, with its amount, if known."""

    amount: Decimal128 | None


class AccountDays(Lookup):
    """One document an account: its states, and what the last event changed."""

    collection = "_portfolio-daily.accounts"
    exact = True

    def __init__(self, calendar: BusinessCalendar) -> None:
        self._calendar = calendar

    def key(self, event: LoanAccount.Event) -> str | None:
        return str(event.business_id)

    def evolve(self, document: Document, event: LoanAccount.Event, position: int) -> None:  # noqa: ARG002
        document["moves"] = []
        document.pop("paid", None)
        if isinstance(event, LoanAccount.PaymentReceived):
            day = self._calendar.day_or_that_of(None if event.inferred else event.paid_date, event)
            _note_payment(document, day, money(event.amount), event.transaction_id)
        elif (change := _change(event)) is not None:
            document["moves"] = _change_from(document, self._calendar.day(happened_at(event)), *change)

    def follow(
        self,
        document: Document,
        event: LoanAccount.Event,  # noqa: ARG002
        documents: AtHand,
    ) -> Iterator[Target]:
        for move in document["moves"]:
            days = documents.ids(move["day"], move.get("until"))
            if move["day"] not in days[:1]:
                yield _begun(move["day"], documents)
                days = [move["day"], *days]
            moved = AccountMoved(move["was"], move["now"])
            yield from ((day, moved) for day in days)
        if (paid := document.get("paid")) is not None:
            if documents.get(paid["day"]) is None:
                yield _begun(paid["day"], documents)
            yield paid["day"], Paid(paid.get("amount"))

    def lookup_sources(self, key: str) -> Iterable[Key]:
        return [(LoanAccount, key)]


def is_open(share: Share) -> bool:
    """Whether it is neither paid off nor written off, as far as known."""
    return share.get("status") not in TERMINAL_STATUSES


def _change(event: LoanAccount.Event) -> tuple[str, Any] | None:
    """The field of an account's state that an event sets, and its value."""
    match event:
        case LoanAccount.StatusChanged() | LoanAccount.ClosureClassified():
            return "status", event.account_status
        case LoanAccount.BalanceReported():
            return "outstanding", money(event.current_balance)
        case LoanAccount.AgingUpdated(bucket=str() as bucket):
            return "bucket", bucket
    return None


def _begun(day: str, documents: AtHand) -> Target:
    before = documents.last_before(day) or {}
    if FAULTED in before:
        msg = f"{day} would start from {before['_id']}, which is set aside"
        raise LookupError(msg)
    totals = {
        "accountsByStatus": dict(before.get("accountsByStatus") or dict.fromkeys(get_args(AccountStatus), 0)),
        "accountsByBucket": dict(before.get("accountsByBucket") or dict.fromkeys(get_args(AgingBucket), 0)),
        "outstandingTotal": before.get("outstandingTotal", NOTHING),
    }
    return day, DayBegun(totals)


def _change_from(document: Document, day: str, field: str, value: Any) -> list[Document]:
    """Set a field from a day on: the newest report counts for that day and all later ones.

    Returns the ``moves``, in order: from each ``day`` until before ``until``, the state ``was`` one, and is
    another ``now``.
    """
    states: list[Document] = document.get("states", [])
    kept = [state for state in states if state["day"] < day]
    old = states[len(kept) :]
    if not old or old[0]["day"] != day:
        old = [{**(kept[-1] if kept else {}), "day": day}, *old]
    new = [{**state, field: value} for state in old]
    document["states"] = _without_repeats([*kept, *new])
    return list(_moves(old, new))


def _note_payment(
    document: Document, day: str, amount: Decimal128 | None, transaction_id: str | None
) -> None:
    """Set ``paid``, unless the last payment is only reported again, as any snapshot of an account may do.

    The payment is the same if its transaction is, or its day and amount if either report names no
    transaction.
    """
    last, payment = document.get("lastPayment"), {"day": day}
    put(payment, amount=amount, transactionId=transaction_id)
    document["lastPayment"] = payment
    if last is None or not _is_same(last, payment):
        document["paid"] = {name: payment[name] for name in ("day", "amount") if name in payment}


def _is_same(one: Document, other: Document) -> bool:
    if "transactionId" in one and "transactionId" in other:
        return bool(one["transactionId"] == other["transactionId"])
    return one["day"] == other["day"] and one.get("amount") == other.get("amount")


def _without_repeats(states: list[Document]) -> list[Document]:
    found: list[Document] = []
    for state in states:
        if not found or _share(found[-1]) != _share(state):
            found.append(state)
    return found


def _moves(old: list[Document], new: list[Document]) -> Iterator[Document]:
    for place, (was, now) in enumerate(zip(old, new, strict=True)):
        if was != now:
            move = {"day": now["day"], "was": _share(was), "now": _share(now)}
            put(move, until=old[place + 1]["day"] if place + 1 < len(old) else None)
            yield move


def _share(state: Document) -> Share:
    return {name: value for name, value in state.items() if name != "day"}
