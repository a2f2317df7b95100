"""The repayment schedule of a loan account, from the reports of plans and of instalments in order of time."""

from typing import cast

from app.aggregates.loan_account.reports import Instalment, Plan, Report


def schedule_after(reports: list[Report]) -> tuple[Plan | None, list[Instalment]]:
    """The newest plan, and its instalments by number, after these reports, which are in order.

    A newer list replaces the older one with its number of payments; what comes without a list adds to it.
    Without any plan, what is known of instalments counts as the plan's that their newest report names.
    """
    plan: Plan | None = None
    about: list[tuple[str | None, Instalment]] = []
    for report in reports:
        if (reported := report.get("plan")) is not None:
            plan = _planned(plan, reported)
        elif "instalment" in report:
            of = report.get("schedule_id", None if plan is None else plan["schedule_id"])
            about.append((of, report["instalment"]))
    if plan is None and (named := [of for of, _ in about if of is not None]):
        plan = Plan(schedule_id=named[-1])
    first = next((report["plan"]["schedule_id"] for report in reports if "plan" in report), None)
    current = None if plan is None else plan["schedule_id"]
    became = _became([each for of, each in about if (of or first or current) == current])
    payments = [] if plan is None else plan.get("payments", [])
    listed = {each["payment_number"]: each for each in payments}
    return plan, [
        cast("Instalment", {**_due(listed.get(number)), **became.get(number, {"payment_number": number})})
        for number in sorted(listed or became)
    ]


def _planned(known: Plan | None, reported: Plan) -> Plan:
    if known is None or known["schedule_id"] != reported["schedule_id"]:
        known = Plan(schedule_id=reported["schedule_id"])
    count = {"number_of_payments": len(reported["payments"])} if "payments" in reported else {}
    return cast("Plan", {**known, **count, **reported})


def _became(reports: list[Instalment]) -> dict[int, Instalment]:
    """What became of each instalment: its newest status with the facts of that report, and what came alone
    since."""
    found: dict[int, Instalment] = {}
    for reported in sorted(reports, key=lambda each: each["last_updated"]):
        number = reported["payment_number"]
        if reported.keys() == {"payment_number", "last_updated"}:
            continue
        known: Instalment | dict[str, object] = {} if "status" in reported else found.get(number, {})
        found[number] = cast("Instalment", {**known, **reported})
    return found


def _due(planned: Instalment | None) -> Instalment | dict[str, object]:
    return {} if planned is None else {"status": "scheduled", **planned}
