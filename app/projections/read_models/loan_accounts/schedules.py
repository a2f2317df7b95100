"""The repayment schedule inside a loan account's document."""

from typing import Any

from app.projections.engine.values import Document, money, put, time

_MONEY = {"amount": "amount", "amount_paid": "amountPaid", "amount_remaining": "amountRemaining"}
_PLAIN = {
    "payment_number": "paymentNumber",
    "due_date": "dueDate",
    "status": "status",
    "paid_date": "paidDate",
    "linked_transaction_ids": "linkedTransactionIds",
}


def created_schedule(known: Document, event: Any) -> Document:
    """The schedule as created, with what was already known of it if it is the same one."""
    schedule: Document = known if known.get("scheduleId") == event.schedule_id else {}
    told = {item["paymentNumber"]: item for item in schedule.get("payments", ())}
    if event.payments:
        numbers = {item["payment_number"] for item in (*event.payments, *event.instalments)}
        told = {number: payment for number, payment in told.items() if number in numbers}
    for planned in event.payments:
        payment = told.setdefault(planned["payment_number"], {})
        payment.update(_payment(planned))
        payment.setdefault("status", "scheduled")
    for instalment in event.instalments:
        told.setdefault(instalment["payment_number"], {}).update(_payment(instalment))
    schedule["scheduleId"] = event.schedule_id
    put(
        schedule,
        numberOfPayments=event.number_of_payments,
        paymentFrequency=event.payment_frequency,
        createdDate=event.created_date,
    )
    if event.payments:
        schedule.setdefault("numberOfPayments", len(event.payments))
    schedule["payments"] = _in_order(told)
    return schedule


def update_instalments(schedule: Document, event: Any) -> None:
    """News of some payments; the schedule itself may not be known yet."""
    if "scheduleId" not in schedule:
        put(schedule, scheduleId=event.schedule_id)
    payments = {item["paymentNumber"]: item for item in schedule.get("payments", ())}
    for instalment in event.payments:
        payments.setdefault(instalment["payment_number"], {}).update(_payment(instalment))
    schedule["payments"] = _in_order(payments)


def _in_order(payments: dict[int, Document]) -> list[Document]:
    return [payments[number] for number in sorted(payments)]


def _payment(facts: dict[str, Any]) -> Document:
    payment: Document = {}
    for name, value in facts.items():
        if value is None:
            continue
        if name in _MONEY:
            payment[_MONEY[name]] = money(value)
        elif name in _PLAIN:
            payment[_PLAIN[name]] = value
        elif name == "last_updated":
            payment["lastUpdated"] = time(value)
    return payment
