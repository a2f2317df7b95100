"""What a timeline says of a loan's payments, write-offs and closings: it follows from all of its reports."""

from collections.abc import Collection, Iterator

from app.aggregates.loan_account.reports import Report, amount_of, time_of
from app.aggregates.loan_account.standing import Payment, Standing
from app.projections.engine.values import Document, money, put, time
from app.projections.read_models.calendar import BusinessCalendar, payment_day

_TAKEN = ("status", "current_balance", "last_payment_date", "last_payment_amount", "closure")


def concerns_money(report: Report) -> bool:
    """Whether a payment, a write-off or a closing may follow from a report."""
    return any(name in report for name in _TAKEN)


def money_entries(
    account_id: str, reports: list[Report], posted: Collection[str], calendar: BusinessCalendar
) -> list[Document]:
    """The entries that follow from a loan's reports, in order of time.

    A transaction that was ``posted`` for a command over the API has the command's entry instead.
    """
    standing, entries = Standing(), list[Document]()
    for report in reports:
        owed = standing.balance
        standing.take(report)
        entries += _ended(report, standing, owed, posted)
    for payment in standing.payments:
        if payment.transaction_id not in posted:
            entries.append(_paid(payment, calendar))
    for entry in entries:
        entry["loanAccountId"] = account_id
    return sorted(entries, key=lambda each: (each["at"], each["position"]))


def is_of(account_id: str, entry: Document) -> bool:
    """Whether an entry of a timeline is one of these, about this account."""
    is_money = entry["what"] in ("repayment_received", "written_off", "loan_closed")
    return is_money and entry.get("loanAccountId") == account_id and "commandId" not in entry


def _paid(payment: Payment, calendar: BusinessCalendar) -> Document:
    amount = amount_of(payment.amount or payment.fell_by)
    text = f"A repayment of {amount:.2f} was received on {payment_day(payment, calendar)}."
    entry: Document = {
        "at": time(time_of(payment.at)),
        "position": payment.position,
        "what": "repayment_received",
        "text": text,
        "amount": money(amount),
    }
    put(entry, transactionId=payment.transaction_id)
    return entry


def _ended(
    report: Report, standing: Standing, owed: int | None, posted: Collection[str]
) -> Iterator[Document]:
    """What a report wrote off, and the closing of the loan."""
    at, position = time(time_of(report["at"])), report.get("position", 0)
    transaction_id = report.get("triggered_by_transaction_id")
    is_write_off = report.get("triggered_by_transaction_type") == "WRITE_OFF"
    gone = (owed or 0) - (standing.balance or 0)
    if is_write_off and gone > 0 and "current_balance" in report and transaction_id not in posted:
        text = f"{amount_of(gone):.2f} was written off."
        entry: Document = {"at": at, "position": position, "what": "written_off", "text": text}
        put(entry, amount=money(amount_of(gone)), transactionId=transaction_id)
        yield entry
    if (closure := report.get("closure")) is not None:
        reason, became = closure.get("reason", "").lower().replace("_", " "), ""
        left = standing.released if standing.written_off is None else standing.written_off
        if left is not None:
            became = (
                f", and {amount_of(left):.2f} was {'released' if standing.written_off is None else reason}"
            )
        elif reason:
            became = f": {reason}"
        entry = {
            "at": at,
            "position": position,
            "what": "loan_closed",
            "text": f"The loan was closed{became}.",
        }
        put(entry, amount=None if left is None else money(amount_of(left)))
        yield entry
