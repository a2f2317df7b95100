"""The repayment schedule in a loan account's document."""

from typing import Any

from pydantic.alias_generators import to_camel

from app.aggregates import LoanAccount
from app.projections.engine.values import Document, money, put, time

_MONEY = ("amount", "amount_paid", "amount_remaining")
_PLAIN = ("payment_number", "due_date", "status", "paid_date", "linked_transaction_ids")


def created_schedule(known: Document, event: LoanAccount.ScheduleCreated) -> Document:
    """The schedule as created, with what was already known of it if it is the same one."""
    schedule: Document = known if known.get("scheduleId") == event.schedule_id else {}
    payments = _by_number(schedule)
    if event.payments:
        numbers = {item["payment_number"] for item in (*event.payments, *event.instalments)}
        payments = {number: payment for number, payment in payments.items() if number in numbers}
    for planned in event.payments:
        payment = payments.setdefault(planned["payment_number"], {})
        payment.update(_payment(planned))
        payment.setdefault("status", "scheduled")
    for instalment in event.instalments:
        payments.setdefault(instalment["payment_number"], {}).update(_payment(instalment))
    schedule["scheduleId"] = event.schedule_id
    put(
        schedule,
        numberOfPayments=event.number_of_payments,
        paymentFrequency=event.payment_frequency,
        createdDate=event.created_date,
    )
    if event.payments:
        schedule.setdefault("numberOfPayments", len(event.payments))
    schedule["payments"] = _in_order(payments)
    return schedule


def update_instalments(schedule: Document, event: LoanAccount.InstalmentsUpdated) -> None:
    """Update some payments. The schedule itself may not be known yet."""
    if "scheduleId" not in schedule:
        put(schedule, scheduleId=event.schedule_id)
    payments = _by_number(schedule)
    for instalment in event.payments:
        payments.setdefault(instalment["payment_number"], {}).update(_payment(instalment))
    schedule["payments"] = _in_order(payments)


def _by_number(schedule: Document) -> dict[int, Document]:
    return {item["paymentNumber"]: item for item in schedule.get("payments", ())}


def _in_order(payments: dict[int, Document]) -> list[Document]:
    return [payments[number] for number in sorted(payments)]


def _payment(facts: Any) -> Document:
    payment: Document = {}
    for name, value in facts.items():
        if value is None:
            continue
        if name in _MONEY:
            payment[to_camel(name)] = money(value)
        elif name in _PLAIN:
            payment[to_camel(name)] = value
        elif name == "last_updated":
            payment["lastUpdated"] = time(value)
    return payment
