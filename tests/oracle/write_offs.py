"""The rules of write-off requests: from their reports to the document."""

from typing import Any

from tests.oracle.reports import Report, known, newest, newest_of, stamps

DECISIONS = {"approved": "approved_by", "rejected": "rejected_by", "cancelled": "cancelled_by"}


def write_off(name: str, reports: list[Report], accounts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The document of a request."""
    requests = [report for report in reports if report.kind == "writeoff.requested.v1"]
    decision = standing(reports)
    asked = {"id": newest(reports, "requested_by"), "name": newest(reports, "requested_by_name")}
    found: dict[str, Any] = {"_id": name, "requestId": name, "status": "pending", "requestedBy": known(asked)}
    found |= newest_of(reports, "loan_account_id amount original_balance notes priority")
    found |= of_the_account(reports, accounts.get(newest(reports, "loan_account_id"), {}))
    if requests:
        found |= {
            "reason": newest(requests, "reason"),
            "requestedAt": requests[0].at,
            "cause": requests[-1].cause,
        }
        found.setdefault("priority", "normal")
    if decision:
        said, by = decision.facts, DECISIONS[outcome(decision)]
        found["status"] = outcome(decision)
        found["decision"] = known(
            {
                "by": known({"id": said.get(by), "name": said.get(f"{by}_name")}),
                "at": decision.at,
                "comment": said.get("comment", said.get("reason")),
            }
        )
        found["ledger"] = known(
            {"transactionId": said.get("transaction_id"), "eventId": said.get("ledger_event_id")}
        )
        found["irregular"] = is_irregular(decision, reports) or None
    return known(found | stamps(reports))


def is_requested(reports: list[Report]) -> bool:
    """A decision shows once the request is known."""
    return any(report.kind == "writeoff.requested.v1" for report in reports)


def of_the_account(reports: list[Report], account: dict[str, Any]) -> dict[str, Any]:
    """Customer, name and number are those of the account, wherever it is known; a caller is not believed."""
    if "customerId" in account:
        return {key: account.get(key) for key in ("customerId", "customerName", "accountNumber")}
    number = {"accountNumber": account["accountNumber"]} if "accountNumber" in account else {}
    return newest_of(reports, "customer_id customer_name account_number") | number


def outcome(report: Report) -> str:
    """The second word of `writeoff.approved.v1`."""
    return report.kind.split(".")[1]


def is_by_requester(report: Report, reports: list[Report]) -> bool:
    """An approver may not be the requester; publishers differ in case and blanks."""
    pair = (report.facts.get("approved_by"), newest(reports, "requested_by"))
    return all(pair) and len({"".join(str(name).lower().split()) for name in pair}) == 1


def has_moved_money(report: Report) -> bool:
    """Where the message carries the ledger's ids, the money has moved already."""
    return "ledger_event_id" in report.facts or "transaction_id" in report.facts


def standing(reports: list[Report]) -> Report | None:
    """A request is decided once, by the first to arrive; what the ledger posted outranks that."""
    decisions = sorted((r for r in reports if outcome(r) in DECISIONS), key=lambda report: report.arrival)
    posted = [report for report in decisions if has_moved_money(report)]
    valid = [report for report in decisions if not is_by_requester(report, reports)]
    return next(iter(posted + valid), None)


def is_irregular(decision: Report, reports: list[Report]) -> bool:
    """Whether the ledger posted against a rule: by the requester's own approval, or against a decision."""
    others = [report for report in reports if outcome(report) in ("rejected", "cancelled")]
    is_against = any(report.arrival < decision.arrival for report in others)
    return has_moved_money(decision) and (is_by_requester(decision, reports) or is_against)
