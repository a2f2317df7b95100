"""All documents that a stream's entries make, by collection and identifier."""

from collections import defaultdict
from typing import Any

from tests.oracle.conversations import conversation, customer_of
from tests.oracle.customers import customer, full_name, of_the_chat
from tests.oracle.loan_accounts import loan_account
from tests.oracle.reports import Entry, Report, absorbed
from tests.oracle.write_offs import write_off

Documents = dict[str, dict[str, dict[str, Any]]]


def documents(entries: list[Entry]) -> Documents:
    """The documents after the entries, in the order in which they arrived."""
    of: dict[str, dict[str, list[Report]]] = defaultdict(lambda: defaultdict(list))
    for report in absorbed(entries):
        for collection, name, part in subjects(report):
            of[collection][name].append(part)
    names = {name: full_name(reports) for name, reports in of["customers"].items()}
    accounts = {name: loan_account(name, reports, names) for name, reports in of["loan-accounts"].items()}
    return {
        "customers": {name: customer(name, reports) for name, reports in of["customers"].items()},
        "loan-accounts": accounts,
        "conversations": {name: conversation(name, reports) for name, reports in of["conversations"].items()},
        "write-off-requests": {
            name: write_off(name, reports, requested_of(reports, accounts))
            for name, reports in of["write-off-requests"].items()
        },
    }


def requested_of(reports: list[Report], accounts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The account that a write-off request is about, as far as it is known."""
    names = [report.facts["loan_account_id"] for report in reports if "loan_account_id" in report.facts]
    return accounts.get(names[-1], {}) if names else {}


def subjects(report: Report) -> list[tuple[str, str, Report]]:
    """What a message is about: collection, identifier, and the report of that thing."""
    if report.kind.startswith("customer."):
        return [("customers", report.facts["customer_id"], report)]
    if report.kind.startswith(("account.", "loan.")):
        return [("loan-accounts", report.facts["account_id"], report)]
    name = report.conversation or ""
    if report.kind.startswith("writeoff."):
        return [("write-off-requests", name, report)]
    found = [("conversations", name, report)]
    person = customer_of(report)
    if person and "customer" in report.facts:
        found.append(("customers", person, report.of(of_the_chat(report.facts["customer"]))))
    return found
