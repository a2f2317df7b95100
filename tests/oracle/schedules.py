"""The rules of a repayment schedule: from the plans and the reports of instalments to the document's part."""

from typing import Any

from tests.oracle.reports import Report, known, newest, newest_of, shown

PLAN = "schedule_id payment_frequency created_date"
DUE = "payment_number due_date amount"
FACTS = "amount_paid paid_date amount_remaining linked_transaction_ids"


def schedule(reports: list[Report]) -> dict[str, Any]:
    """The newest plan, whole, with the statuses of its instalments; without a list, those reported."""
    plans = [report for report in reports if report.kind == "account.schedule.created.v1"]
    same: list[Report] = []  # The newest plan, and those of its identifier just before: their terms stay.
    for plan in plans:
        is_other = bool(same) and same[-1].facts["schedule_id"] != plan.facts["schedule_id"]
        same = [plan] if is_other else [*same, plan]
    lists = [place for place, plan in enumerate(same) if plan.facts.get("payments")]
    since = same[lists[-1] :] if lists else same  # A list and its number go together.
    listed = sorted(newest(since, "payments") or [], key=lambda due: due["payment_number"])
    named = same or [r for r in reports if r.facts.get("payments") and "schedule_id" in r.facts]
    paid = instalments(reports, plans, named[-1].facts["schedule_id"] if named else None)
    due = [
        shown(each, DUE) | {"status": "scheduled"} | paid.get(each["payment_number"], {}) for each in listed
    ]
    unlisted = [{"paymentNumber": number} | paid[number] for number in sorted(paid)]
    found = {"numberOfPayments": newest(since, "n_payments") or len(due) or None, "payments": due or unlisted}
    return known(found) | newest_of(same or named[-1:], PLAN)


def instalments(
    reports: list[Report], plans: list[Report], shown_id: str | None
) -> dict[int, dict[str, Any]]:
    """What was reported of each instalment of the newest plan.

    A report that names no schedule is about the plan of its time, or about the first one.
    """
    items = []
    for report in reports:
        if report.kind == "account.schedule.updated.v1":
            older = [plan for plan in plans if plan.order < report.order] or plans[:1]
            about = report.facts.get("schedule_id") or (older[-1].facts["schedule_id"] if older else None)
            if about in (None, shown_id):
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
