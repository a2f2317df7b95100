"""Contract, section "Write-offs", and "At the edges": each rule, in every order of arrival."""

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from app.aggregates import WriteOffRequest
from app.projections.read_models.write_off_requests.read_model import WriteOffRequests
from tests.support.data.contract import Sent, documents, in_any_order, sent
from tests.support.data.projecting import On, given

NAMES = ("write-off-requests",)
CREATED = sent("account.created.v1", account_id="L1", customer_id="C1", account_number="A-1")
CUSTOMER = sent("customer.created.v1", customer_id="C1", first_name="Ann", last_name="Lee")


def requested(*, cause: str | None = None, **keys: Any) -> Sent:
    payload = {"loanAccountId": "L1", "amount": "250.00", "reason": "hardship", "requestedBy": "ann"}
    entry = {"cid": "W1", "timestamp": "2026-03-01T09:00"} | ({} if cause is None else {"cause": cause})
    return sent("writeoff.requested.v1", payload | keys, entry=entry)


def decided(outcome: str, by: str = "bob", **keys: Any) -> Sent:
    entry = {"cid": "W1", "timestamp": "2026-03-01T10:00"}
    return sent(f"writeoff.{outcome}.v1", {f"{outcome}By": by} | keys, entry=entry)


def request_of(*messages: Sent) -> dict[str, Any]:
    """The request's document after the messages in this order, however they are batched."""
    found: dict[str, Any] = documents(messages, names=NAMES)[NAMES[0]]["W1"]
    assert documents(messages, batch=1, names=NAMES)[NAMES[0]]["W1"] == found
    return found


def request_in_any_order(*messages: Sent) -> dict[str, Any]:
    found: dict[str, Any] = in_any_order(list(messages), names=NAMES)[NAMES[0]]["W1"]
    return found


def test_a_request_has_a_stable_number_and_by_default_normal_priority() -> None:
    first, again = request_of(requested()), request_of(requested())
    assert first["requestNumber"] == again["requestNumber"]
    assert (first["status"], first["priority"]) == ("pending", "normal")


@pytest.mark.parametrize("priority", ["normal", "high", "urgent"])
def test_a_reported_priority_is_kept(priority: str) -> None:
    assert request_of(requested(priority=priority))["priority"] == priority


@pytest.mark.parametrize(
    "reason",
    [
        *("hardship", "bankruptcy", "deceased", "unable_to_locate"),
        *("fraud_victim", "disputed", "aged_debt", "other"),
    ],
)
def test_each_listed_reason_is_kept(reason: str) -> None:
    assert request_of(requested(reason=reason))["reason"] == reason


def test_an_unknown_priority_is_dropped() -> None:
    assert request_of(requested(priority="at once"))["priority"] == "normal"


def test_the_cause_of_the_entry_is_kept() -> None:
    assert request_of(requested(cause="click-7"))["cause"] == "click-7"
    assert "cause" not in request_of(requested())


def test_a_decision_may_arrive_before_its_request() -> None:
    found = request_in_any_order(requested(), decided("approved", comment="gone", approvedByName="Bob"))
    assert found["status"] == "approved"
    assert found["decision"]["by"] == {"id": "bob", "name": "Bob"}
    assert found["decision"]["comment"] == "gone"


def test_a_rejections_reason_is_the_decisions_comment() -> None:
    found = request_in_any_order(requested(), decided("rejected", reason="not yet"))
    assert (found["status"], found["decision"]["comment"]) == ("rejected", "not yet")


@pytest.mark.parametrize("second", ["approved", "rejected", "cancelled"])
def test_a_second_decision_is_ignored(second: str) -> None:
    found = request_of(requested(), decided("rejected", reason="no"), decided(second, "cyd"))
    assert (found["status"], found["decision"]["by"]) == ("rejected", {"id": "bob"})
    assert "irregular" not in found


def test_the_requester_may_not_approve() -> None:
    found = request_in_any_order(requested(), decided("approved", " ANN"))
    assert found["status"] == "pending"
    assert "decision" not in found


def test_the_requesters_own_approval_that_the_ledger_posted_is_approved_and_irregular() -> None:
    found = request_in_any_order(
        requested(), decided("approved", "Ann", transactionId="T1", ledgerEventId="E1")
    )
    assert found["status"] == "approved"
    assert found["ledger"] == {"transactionId": "T1", "eventId": "E1"}
    assert found["irregular"] == ["own_request"]


def test_a_machines_approval_that_the_ledger_posted_is_irregular() -> None:
    found = request_in_any_order(requested(), decided("approved", "machine:crm", transactionId="T1"))
    assert (found["status"], found["irregular"]) == ("approved", ["takes_a_person"])


@pytest.mark.parametrize("first", ["rejected", "cancelled"])
def test_an_approval_that_the_ledger_posted_after_another_decision_is_approved_and_irregular(
    first: str,
) -> None:
    posted = decided("approved", "cyd", transactionId="T1")
    found = request_of(requested(), decided(first), posted)
    assert (found["status"], found["irregular"]) == ("approved", ["already_decided"])
    assert (found["decision"]["by"], found["ledger"]) == ({"id": "cyd"}, {"transactionId": "T1"})


def test_each_broken_rule_is_listed() -> None:
    posted = decided("approved", "ann", ledgerEventId="E1")
    found = request_of(requested(), decided("rejected"), posted)
    assert found["irregular"] == ["own_request", "already_decided"]


def test_a_decision_after_the_ledgers_is_ignored() -> None:
    found = request_of(requested(), decided("approved", transactionId="T1"), decided("rejected", "cyd"))
    assert (found["status"], found["decision"]["by"]) == ("approved", {"id": "bob"})
    assert "irregular" not in found


@pytest.mark.parametrize("by", ["bob", "cyd"])
def test_an_approval_then_one_with_the_ledgers_ids_shows_the_ledgers_and_breaks_no_rule(by: str) -> None:
    first, posted = decided("approved", "bob"), decided("approved", by, transactionId="T1", comment="posted")
    for order in permutations([requested(), first, posted]):
        found = request_of(*order)
        assert (found["status"], found["ledger"]) == ("approved", {"transactionId": "T1"})
        assert (found["decision"]["by"], found["decision"]["comment"]) == ({"id": by}, "posted")
        assert "irregular" not in found


def test_an_approval_then_the_requesters_own_with_the_ledgers_ids_is_irregular() -> None:
    found = request_of(requested(), decided("approved"), decided("approved", "ann", transactionId="T1"))
    assert (found["decision"]["by"], found["irregular"]) == ({"id": "ann"}, ["own_request"])


def test_a_second_posting_is_irregular_and_the_first_one_shows() -> None:
    first, second = decided("approved", transactionId="T1"), decided("approved", "cyd", transactionId="T2")
    found = request_of(requested(), first, second)
    assert (found["ledger"], found["irregular"]) == ({"transactionId": "T1"}, ["already_decided"])
    assert found["decision"]["by"] == {"id": "bob"}


def test_a_report_that_overtakes_the_posting_of_an_approval_with_other_ids_is_irregular() -> None:
    request = On(WriteOffRequest, "W1")
    asked = request.request(
        at=0, loan_account_id="L1", amount=Decimal(20), reason="hardship", requested_by="ann"
    )
    approved = request.decide(at=1, outcome="Approved", by="bob")
    requested = request.follow_posting(
        at=2, event=WriteOffRequest.PostingFollowed(command_id="K1", status="requested")
    )
    reported = request.decide(at=3, outcome="Approved", by="cyd", transaction_id="T9")
    posted = request.follow_posting(at=4, event=WriteOffRequest.PostedToLedger(transaction_id="T1"))
    found = given(WriteOffRequests(), asked, approved, requested, reported, posted).document("W1")
    assert found is not None
    assert found["irregular"] == ["already_decided"]
    assert found["ledger"] == {"status": "posted", "commandId": "K1", "transactionId": "T9"}


def test_one_posting_that_is_reported_twice_is_regular() -> None:
    first, again = decided("approved", transactionId="T1"), decided("approved", transactionId="T1")
    assert "irregular" not in request_of(requested(), first, again)


def test_customer_name_and_number_are_those_of_the_account() -> None:
    reported = requested(customerId="C9", customerName="Eve", accountNumber="A-9")
    found = request_in_any_order(reported, CREATED, CUSTOMER)
    assert (found["customerId"], found["customerName"], found["accountNumber"]) == ("C1", "Ann Lee", "A-1")


def test_facts_that_the_account_does_not_know_are_absent() -> None:
    reported = requested(customerId="C1", customerName="Eve", accountNumber="A-9")
    found = request_in_any_order(reported, sent("account.created.v1", account_id="L1", customer_id="C1"))
    assert found["customerId"] == "C1"
    assert not {"customerName", "accountNumber"} & found.keys()


def test_customer_name_and_number_change_with_the_account() -> None:
    found = request_in_any_order(
        requested(customerName="Eve"),
        CREATED,
        CUSTOMER,
        sent("account.updated.v1", account_id="L1", account_number="A-2"),
        sent("customer.changed.v1", customer_id="C1", last_name="Ng"),
    )
    assert (found["customerId"], found["customerName"], found["accountNumber"]) == ("C1", "Ann Ng", "A-2")


def test_the_customer_of_an_account_that_is_known_by_no_creation_is_the_one_that_the_message_names() -> None:
    reported = requested(customerId="C9", customerName="Eve", accountNumber="A-9")
    updated = sent("account.updated.v1", account_id="L1", current_balance="250.00", account_number="A-1")
    found = request_in_any_order(reported, updated)
    assert (found["customerId"], found["customerName"], found["accountNumber"]) == ("C9", "Eve", "A-1")


def test_the_customer_of_an_account_that_another_customer_takes_over() -> None:
    found = request_of(
        requested(),
        CUSTOMER,
        CREATED,
        sent("account.created.v1", account_id="L1", customer_id="C2"),
        sent("customer.changed.v1", customer_id="C1", last_name="Ng"),
    )
    assert found["customerId"] == "C2"
    assert "customerName" not in found
