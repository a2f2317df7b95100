"""All documents that a stream's entries make, by collection and identifier."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from tests.oracle.conversations import conversation, participants
from tests.oracle.customers import customer, of_the_chat
from tests.oracle.loan_accounts import loan_account
from tests.oracle.reports import Entry, Report, absorbed
from tests.oracle.write_offs import write_off

Documents = dict[str, dict[str, dict[str, Any]]]


def documents(entries: list[Entry]) -> Documents:
    """The documents after the entries, in the order in which they arrived."""
    customers, accounts, chats, requests = (defaultdict[Any, list[Report]](list) for _ in range(4))
    for report in absorbed(entries):
        if report.kind.startswith("customer."):
            customers[report.facts["customer_id"]].append(report)
        elif report.kind.startswith(("account.", "loan.")):
            accounts[report.facts["account_id"]].append(report)
        elif report.kind.startswith("writeoff."):
            requests[report.conversation].append(report)
        else:
            chats[report.conversation].append(report)
            person, facts = participants(report)["customerId"], report.facts.get("customer")
            if person and facts:
                customers[person].append(replace(report, facts=of_the_chat(facts)))
    people = {each: customer(each, reports) for each, reports in customers.items()}
    loans = {each: loan_account(each, reports, people) for each, reports in accounts.items()}
    asked = {each: write_off(each, reports, loans) for each, reports in requests.items()}
    return {
        "customers": people,
        "loan-accounts": loans,
        "conversations": {each: conversation(each, reports) for each, reports in chats.items()},
        "write-off-requests": {each: request for each, request in asked.items() if request},
    }
