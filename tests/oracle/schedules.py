"""The rules of a repayment schedule: from the plans and the reports of instalments to the document's part."""

from typing import Any

from tests.oracle.reports import Report, known, newest, newest_of, shown

PLAN = "schedule_id payment_frequency created_date"
DUE = "payment_number due_date amount"
FACTS = "amount_paid paid_date amount_remaining linked_transaction_ids"


def schedule(reports: list[Report]) -> dict[str, Any]:
    """The newest plan, whole, with the statuses of its instalments."""
    plans = [report for report in reports if report.kind == "account.schedule.created.v1"]
    named = [
        each for each in plans or reports if "schedule_id" in each.facts and each.facts.get("payments", 1)
    ]
    name = named[-1].facts["schedule_id"] if named else None
    paid = instalments(reports, plans, name)
    others = [place for place, each in enumerate(plans) if each.facts["schedule_id"] != name]
    same = plans[others[-1] + 1 if others else 0 :]  # Terms stay from one of the same id, just before.
    lists = [place for place, each in enumerate(same) if each.facts.get("payments")]
    since = same[
        lists[-1] if lists else 0 :
    ]  # A list stays until there is a newer one, and its number with it.
    listed = since[0].facts.get("payments", []) if since else []
    due = {each["payment_number"]: shown(each, DUE) | {"status": "scheduled"} for each in listed}
    payments = [
        due.get(number, {"paymentNumber": number}) | paid.get(number, {}) for number in sorted(due or paid)
    ]
    number = newest(since, "n_payments") or len(due)
    found = known({"scheduleId": name, "numberOfPayments": number or None, "payments": payments})
    return found | newest_of(same, PLAN)


def instalments(reports: list[Report], plans: list[Report], name: str | None) -> dict[int, dict[str, Any]]:
    """What was reported of each instalment of the newest plan.

    A report that names no schedule is about the plan of its time, or about the first one.
    """
    items = []
    for report in reports:
        if report.kind == "account.schedule.updated.v1":
            older = [plan for plan in plans if plan.order < report.order] or plans[:1]
            about = report.facts.get("schedule_id") or (older[-1].facts["schedule_id"] if older else None)
            if about in (None, name):
                items += [(at_of(report, item), report.arrival, item) for item in report.facts["payments"]]
    found: dict[int, dict[str, Any]] = {}
    for at, _arrival, item in sorted(items, key=lambda each: each[:2]):
        facts = shown({"amount_paid": item.get("paid_amount")} | item, FACTS)
        if "status" in item:  # The facts of a status go with it: a newer one replaces them all.
            found[item["payment_number"]] = facts | {"status": item["status"], "lastUpdated": at}
        elif facts:  # Those that come alone add to it.
            found.setdefault(item["payment_number"], {}).update(facts | {"lastUpdated": at})
    return found


def at_of(report: Report, item: dict[str, Any]) -> Any:
    """The instalment's own `last_updated`, else the message's time."""
    return report.ours(item.get("last_updated", report.at))
