"""The sums that must hold over the shared collections, and against the ledger."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from threading import Event as Flag
from typing import Any, NamedTuple

from pymongo.database import Database
from pymongo.errors import OperationFailure

from app.aggregates.loan_account.reports import Report, amount_of
from app.aggregates.loan_account.standing import Standing, standing_after
from app.errors import BillieError
from app.ledger.client.client import LedgerClient
from app.ledger.client.errors import AccountNotFoundError
from app.projections.engine.documents import CUT_OFF, FAULTED
from app.projections.engine.positions import COLLECTION
from app.projections.read_models.calendar import BusinessCalendar, payment_day
from app.projections.read_models.loan_accounts.document import REPORTS

Documents = Database[dict[str, Any]]
Payments = dict[str, Counter[tuple[str | None, Decimal]]]
"""By account, how often each payment stands: by its transaction, or by its amount where it has none."""
_TRIES, _PAUSE_S = 60, 0.5
_AT_ONCE = 50
_VERIFY = "Run `billie verify --fix {}`"
_PAYMENTS = ("repayment_received", "repayment_posted")
_STATUSES_OF_OPEN = {"$nin": ["paid_off", "written_off"]}


class Breach(NamedTuple):
    """A sum that does not hold: what, in which document, both values, and what to do."""

    what: str
    document: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.document}: {self.what}: should be {self.expected}, is {self.found}. {self.remedy}."


def sums(database: Documents, calendar: BusinessCalendar, stop: Flag) -> list[Breach]:
    """Every breach. What is found while the projections move is looked at again, until they rest.

    Raises BillieError if they do not rest for half a minute, and pymongo's errors.
    """
    at_rest, found = None, list[Breach]()
    for _ in range(_TRIES):
        before = _positions(database)
        try:
            found = list(_breaches(database, calendar))
        except OperationFailure as error:
            if error.code not in CUT_OFF:
                raise
            continue
        if not found or (before == _positions(database) == at_rest):
            return found
        at_rest = before
        if stop.wait(_PAUSE_S):
            break
    msg = f"The projections did not rest: {len(found)} sums are undecided. Try again when less comes in"
    raise BillieError(msg)


def contradicted_closures(database: Documents) -> int:
    """How many closures report a total paid that breaks the account's sum; the balances' total stands."""
    other_total = {"$expr": {"$ne": ["$closure.totalPaid", "$balances.totalPaid"]}}
    return database["loan-accounts"].count_documents({"closure.totalPaid": {"$exists": True}, **other_total})


async def ledger_differences(database: Documents, ledger: LedgerClient) -> list[Breach]:
    """Open accounts whose balance in the ledger is another one. Raises LedgerError if it does not answer."""
    wanted = {"accountStatus": _STATUSES_OF_OPEN, "balances.currentBalance": {"$exists": True}}
    fields = {"balances.currentBalance": 1, "updatedAt": 1}
    accounts, found = list(database["loan-accounts"].find(wanted, fields)), list[Breach]()
    for start in range(0, len(accounts), _AT_ONCE):
        batch = accounts[start : start + _AT_ONCE]
        for each in await asyncio.gather(*(_of_ledger(ledger, account) for account in batch)):
            found += [] if each is None else [each]
    return found


async def _of_ledger(ledger: LedgerClient, account: dict[str, Any]) -> Breach | None:
    ours = account["balances"]["currentBalance"].to_decimal()
    known = f"{ours:.2f} at {account['updatedAt'].isoformat()}"
    document = f"loan-accounts {account['_id']}"
    remedy = "A report may be on its way; ask the Accounts service for it if the difference stays"
    try:
        balance = await ledger.get_balance(account["_id"])
    except AccountNotFoundError:
        return Breach("the ledger's balance", document, "no such account", known, remedy)
    if balance.total_outstanding == ours:
        return None
    at = "an unknown time" if balance.as_of is None else balance.as_of.isoformat()
    theirs = f"{balance.total_outstanding:.2f} at {at}"
    return Breach("the ledger's balance", document, theirs, known, remedy)


def payable_after(reports: list[Report]) -> int | None:
    """What is payable after all reports, in cents, reckoned from the movements; None if it is unknown.

    A payment moves nothing. A closure's balance above what was owed raises it, and a standing write-off
    counts.
    """
    standing, owed, moved, given_up, is_running = Standing(), None, 0, 0, False
    first: int | None = None
    ended: int | None = None
    reopened_at: int | None = None
    for report in reports:
        standing.take(report)
        if standing.closure is None:
            ended = None
        if standing.reopened_at != reopened_at:
            reopened_at = standing.reopened_at
            given_up = 0 if reopened_at is not None else given_up
        kind, balance = report.get("triggered_by_transaction_type"), report.get("current_balance")
        if balance is not None and owed is None:
            awaits = standing.sdk_status in (None, "PENDING_DISBURSEMENT") or kind == "DISBURSEMENT"
            first, is_running = balance, not awaits and (balance != 0 or kind == "REPAYMENT")
        elif balance is not None and owed is not None:
            is_open = standing.sdk_status in ("PENDING", "ACTIVE", "SUSPENDED")
            if kind != "REPAYMENT" and not (kind is None and balance < owed and is_open):
                moved += balance - owed
                given_up += owed - balance if kind == "WRITE_OFF" and balance < owed else 0
        owed = owed if balance is None else balance
        if (closure := report.get("closure")) is not None:
            if owed is None:
                return None
            left = 0
            if closure.get("reason") in ("WRITTEN_OFF", "ADMIN_CLOSED"):
                left = closure.get("final_balance", 0) or owed
            counts = closure.get("reason") == "WRITTEN_OFF" and left <= owed
            ended = moved + max(left - owed, 0) + (given_up if counts else 0)
    if first is None:
        return None
    payable = standing.terms.get("total_payable")
    if is_running and payable is None:
        return None
    base = max(payable, first) if is_running and payable is not None else first
    return base + (moved if ended is None else ended)


def _breaches(database: Documents, calendar: BusinessCalendar) -> Iterator[Breach]:
    days: dict[str, tuple[int, int]] = {}
    payments: Payments = defaultdict(Counter)
    newest: Counter[str] = Counter()
    open_total = Decimal(0)
    is_whole = database["loan-accounts"].find_one({FAULTED: {"$exists": True}}, {"_id": 1}) is None
    for account in database["loan-accounts"].find({FAULTED: {"$exists": False}}):
        yield from _loan(account)
        status, balance = account.get("accountStatus"), account.get("balances", {}).get("currentBalance")
        newest[f"accountsByStatus.{status}"] += 1
        newest["accountsInArrears"] += account.get("inArrears", False)
        if status not in _STATUSES_OF_OPEN["$nin"]:
            newest[f"accountsByBucket.{account.get('aging', {}).get('bucket')}"] += 1
            open_total += balance.to_decimal() if balance else 0
        for payment in standing_after(account.get(REPORTS, [])).payments:
            amount, day = payment.amount or 0, payment_day(payment, calendar)
            number, total = days.get(day, (0, 0))
            days[day] = number + 1, total + amount
            if "customerId" in account:
                shown = amount_of(payment.amount or payment.fell_by)
                key = payment.transaction_id, Decimal(0) if payment.transaction_id else shown
                payments[account["_id"]][key] += 1
    if is_whole:
        yield from _portfolio(database, days, newest, open_total)
        yield from _timelines(database, payments)


def _loan(account: dict[str, Any]) -> Iterator[Breach]:
    balances, closure = account.get("balances", {}), account.get("closure", {})
    figures = [
        balances.get("totalPaid"),
        balances.get("currentBalance"),
        closure.get("writtenOffAmount"),
        closure.get("releasedAmount"),
    ]
    if figures[0] is None or figures[1] is None or (payable := payable_after(account[REPORTS])) is None:
        return
    found = sum((each.to_decimal() for each in figures if each is not None), Decimal(0))
    if found != amount_of(payable):
        what = "paid, owed, written off and released, together what is payable"
        document, remedy = f"loan-accounts {account['_id']}", _VERIFY.format("loan-accounts")
        yield Breach(what, document, f"{amount_of(payable):.2f}", f"{found:.2f}", remedy)


def _portfolio(
    database: Documents, days: dict[str, tuple[int, int]], newest: Counter[str], open_total: Decimal
) -> Iterator[Breach]:
    remedy, last = _VERIFY.format("portfolio-daily"), None

    def breach(what: str, day: str, expected: object, found: object) -> Breach:
        return Breach(what, f"portfolio-daily {day}", str(expected), str(found), remedy)

    for last in database["portfolio-daily"].find(sort=[("_id", 1)]):
        number, cents = days.pop(last["_id"], (0, 0))
        expected, found = (number, amount_of(cents)), (last["payments"], last["paidTotal"].to_decimal())
        if expected != found:
            should, is_now = (f"{number} of {amount:.2f}" for number, amount in (expected, found))
            yield breach("payments of the day", last["_id"], should, is_now)
    for day, (number, cents) in sorted(days.items()):
        yield breach("payments of the day", day, f"{number} of {amount_of(cents):.2f}", "no such day")
    if last is None:
        return
    shown_counts = {"accountsInArrears": last["accountsInArrears"]} | {
        f"{name}.{word}": count
        for name in ("accountsByStatus", "accountsByBucket")
        for word, count in last[name].items()
    }
    for name, count in shown_counts.items():
        if count != newest[name]:
            yield breach(name, last["_id"], newest[name], count)
    if (total := last["outstandingTotal"].to_decimal()) != open_total:
        yield breach("outstandingTotal", last["_id"], f"{open_total:.2f}", f"{total:.2f}")


def _timelines(database: Documents, payments: Payments) -> Iterator[Breach]:
    """Each payment stands once."""
    shown: Payments = defaultdict(Counter)
    posted: set[tuple[str, str]] = set()
    fields = {
        **{f"entries.{name}": 1 for name in ("what", "loanAccountId", "transactionId", "amount")},
        "entryCount": 1,
    }
    for month in database["customer-timeline"].find({FAULTED: {"$exists": False}}, fields):
        if month["entryCount"] > len(month["entries"]):
            return  # Old entries are gone: what is missing cannot be known.
        for entry in month["entries"]:
            if entry["what"] in _PAYMENTS and "loanAccountId" in entry:
                account_id, transaction_id = entry["loanAccountId"], entry.get("transactionId")
                key = transaction_id, Decimal(0) if transaction_id else entry["amount"].to_decimal()
                shown[account_id][key] += 1
                if entry["what"] == "repayment_posted" and transaction_id is not None:
                    posted.add((account_id, transaction_id))
    for account_id in sorted(payments.keys() | shown.keys()):
        for transaction_id, amount in payments[account_id].keys() | shown[account_id].keys():
            key = transaction_id, amount
            is_posted = transaction_id is not None and (account_id, transaction_id) in posted
            expected, found = max(payments[account_id][key], int(is_posted)), shown[account_id][key]
            if expected != found:
                name = f"of {amount:.2f}" if transaction_id is None else transaction_id
                what = f"entries of the payment {name} of {account_id}"
                remedy = _VERIFY.format("customer-timeline")
                yield Breach(what, "customer-timeline", str(expected), str(found), remedy)


def _positions(database: Documents) -> dict[str, int]:
    names = {"$in": ["loan-accounts", "portfolio-daily", "customer-timeline"]}
    return {each["_id"]: each["position"] for each in database[COLLECTION].find({"_id": names})}
