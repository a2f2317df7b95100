"""The fields of a loan account's document that follow from its reports."""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from bson.decimal128 import Decimal128
from pydantic.alias_generators import to_camel

from app.aggregates.loan_account.reports import Report, amount_of, time_of
from app.aggregates.loan_account.schedule import schedule_after
from app.aggregates.loan_account.standing import Standing, standing_after
from app.projections.engine.values import Document, money, time
from app.projections.read_models.calendar import BusinessCalendar

_MONEY = frozenset(
    (
        *("loan_amount", "loan_fee", "total_payable", "final_balance", "total_paid"),
        *("amount", "amount_paid", "amount_remaining"),
    )
)

_camel = cache(to_camel)


def derive(document: Document, reports: list[Report], calendar: BusinessCalendar) -> None:
    """Set the fields that follow from the reports, and remove those that do not any more."""
    standing = standing_after(reports)
    last, at = standing.last_payment, standing.disbursed_at
    terms = _shown(standing.terms)
    fields: Document = {
        "accountNumber": terms.pop("accountNumber", None),
        "signedLoanAgreementUrl": terms.pop("signedLoanAgreementUrl", None),
        "loanTerms": terms | _present(disbursedDate=None if at is None else calendar.day(time_of(at))),
        "balances": _present(
            currentBalance=_aud(standing.balance),
            totalOutstanding=_aud(standing.balance),
            totalPaid=_aud(standing.total_paid),
        ),
        "lastPayment": last
        and _present(date=last.day or calendar.day(time_of(last.at)), amount=_aud(last.amount)),
        "accountStatus": standing.account_status,
        "sdkStatus": standing.sdk_status,
        "repaymentSchedule": _schedule(reports),
        "aging": standing.aging and _shown(standing.aging),
        "inArrears": None if standing.account_status is None else standing.in_arrears,
        "closure": _closure(standing),
        "reopenedAt": standing.reopened_at and time(time_of(standing.reopened_at)),
    }
    for name, value in fields.items():
        if value is None or value == {}:
            document.pop(name, None)
        else:
            document[name] = value


def _closure(standing: Standing) -> Document:
    if standing.closure is None:
        return {}
    gone = _present(writtenOffAmount=_aud(standing.written_off), releasedAmount=_aud(standing.released))
    return _shown(standing.closure) | gone


def _schedule(reports: list[Report]) -> Document:
    plan, instalments = schedule_after(reports)
    shown: Document = _shown(plan or {})
    shown.pop("payments", None)
    if instalments:
        shown["payments"] = [_shown(each) for each in instalments]
    return shown


def _shown(facts: Mapping[str, Any]) -> Document:
    """Facts of reports, as documents show them."""
    return {_camel(name): _value(name, value) for name, value in facts.items()}


def _value(name: str, value: Any) -> Any:
    if name == "last_updated":
        return time(time_of(value))
    return _aud(value) if name in _MONEY else value


@lru_cache(10_000)
def _aud(cents: int | None) -> Decimal128 | None:
    return None if cents is None else money(amount_of(cents))


def _present(**fields: Any) -> Document:
    return {name: value for name, value in fields.items() if value is not None}
