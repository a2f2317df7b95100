"""All documents that a stream's entries make, by collection and identifier."""

from collections import defaultdict
from typing import Any

from tests.oracle.conversations import conversation, customer_of
from tests.oracle.customers import customer, full_name, of_the_chat
from tests.oracle.loan_accounts import loan_account
from tests.oracle.reports import Entry, Report, absorbed
from tests.oracle.write_offs import is_requested, write_off

Documents = dict[str, dict[str, dict[str, Any]]]


def documents(entries: list[Entry]) -> Documents:
    """The documents after the entries, in the order in which they arrived."""
    of: dict[str, dict[str, list[Report]]] = defaultdict(lambda: defaultdict(list))
    for report in absorbed(entries):
        for collection, name, part in subjects(report):
            of[collection][name].append(part)
    names = {each: full_name(reports) for each, reports in of["customers"].items()}
    accounts = {each: loan_account(each, reports, names) for each, reports in of["loan-accounts"].items()}
    requests = [each for each in of["write-off-requests"].items() if is_requested(each[1])]
    return {
        "customers": {each: customer(each, reports) for each, reports in of["customers"].items()},
        "loan-accounts": accounts,
        "conversations": {each: conversation(each, reports) for each, reports in of["conversations"].items()},
        "write-off-requests": {each: write_off(each, reports, accounts) for each, reports in requests},
    }


def subjects(report: Report) -> list[tuple[str, str, Report]]:
    """What a message is about: collection, identifier, and the report of that thing."""
    if report.kind.startswith("customer."):
        return [("customers", report.facts["customer_id"], report)]
    if report.kind.startswith(("account.", "loan.")):
        return [("loan-accounts", report.facts["account_id"], report)]
    if report.kind.startswith("writeoff."):
        return [("write-off-requests", report.conversation, report)]
    person = customer_of(report) if "customer" in report.facts else None
    of_person = [("customers", person, report.of(of_the_chat(report.facts["customer"])))] if person else []
    return [("conversations", report.conversation, report), *of_person]
