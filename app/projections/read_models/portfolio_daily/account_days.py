"""What one loan account stood at, from which day on, and its last payment: the lookup of ``portfolio-daily``.

``states`` are in order of their ``day``, each with the account's ``status``, ``bucket`` and ``outstanding``,
as far as these are known, and each different from the one before it.
"""

from typing import Any

from bson.decimal128 import Decimal128

from app.aggregates.loan_account.status import TERMINAL_STATUSES
from app.projections.engine.values import Document, put

Share = dict[str, Any]
"""What an account stands at: ``status``, ``bucket``, ``outstanding``."""


def is_open(share: Share) -> bool:
    """Whether it is neither paid off nor written off, as far as anybody knows."""
    return share.get("status") not in TERMINAL_STATUSES


def change_from(document: Document, day: str, field: str, value: Any) -> list[Document]:
    """Set a field from a day on, for good: it is what the account told last.

    Returns the ``moves``, in order: from each ``day`` on, and up to but not at ``until``, what it ``was`` and
    is ``now``.
    """
    states: list[Document] = document.get("states", [])
    kept = [state for state in states if state["day"] < day]
    old = states[len(kept) :]
    if not old or old[0]["day"] != day:
        old = [{**(kept[-1] if kept else {}), "day": day}, *old]
    new = [{**state, field: value} for state in old]
    document["states"] = _without_repeats([*kept, *new])
    return list(_moves(old, new))


def note_payment(document: Document, day: str, amount: Decimal128 | None, transaction_id: str | None) -> None:
    """Set ``paid``, unless this only tells the last payment again.

    Each snapshot of an account may do so. It is the same payment if its transaction is, or where either names
    none, if its day and amount are.
    """
    last, told = document.get("lastPayment"), {"day": day}
    put(told, amount=amount, transactionId=transaction_id)
    document["lastPayment"] = told
    if last is None or not _is_same(last, told):
        document["paid"] = {name: told[name] for name in ("day", "amount") if name in told}


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


def _moves(old: list[Document], new: list[Document]) -> Any:
    for place, (was, now) in enumerate(zip(old, new, strict=True)):
        if was != now:
            move = {"day": now["day"], "was": _share(was), "now": _share(now)}
            put(move, until=old[place + 1]["day"] if place + 1 < len(old) else None)
            yield move


def _share(state: Document) -> Share:
    return {name: value for name, value in state.items() if name != "day"}
