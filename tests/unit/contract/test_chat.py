"""Contract, Chat: each rule, in every order of arrival."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.data.contract import Sent, documents, in_any_order, sent

NAMES = ("customers", "conversations")


def said(hour: int, kind: str, payload: dict[str, Any] | None = None, **entry: str) -> Sent:
    """A message of the conversation V1 at an hour of 1 March."""
    at = {"cid": "V1", "timestamp": f"2026-03-01T{hour:02}:00"}
    return sent(kind, payload or {}, entry=at | entry)


def chat(*messages: Sent) -> dict[str, Any]:
    found: dict[str, Any] = in_any_order(list(messages), names=NAMES)["conversations"]["V1"]
    return found


def hour(number: int) -> datetime:
    return datetime(2026, 3, 1, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("user_input", {"utterance": "Hi"}),
        ("fraudCheck_assessment", {"score": 1}),
        ("noticeboard_post", {"post": "Seen"}),
        ("conversation_summary", {"purpose": "a car"}),
    ],
)
def test_a_message_for_a_conversation_never_started_creates_it_as_active(
    kind: str, payload: dict[str, Any]
) -> None:
    assert chat(said(1, kind, payload))["status"] == "active"


def test_a_later_conversation_started_fills_in_what_it_knows_and_empties_nothing() -> None:
    found = chat(
        said(2, "user_input", {"utterance": "Hi"}),
        said(3, "fraudCheck_assessment", {"score": 1}),
        said(4, "noticeboard_post", {"post": "Seen"}),
        said(5, "final_decision", {"decision": "APPROVED", "reason": "good"}),
        said(9, "conversation_started", usr="C1", app_number="A1"),
    )
    assert (found["customerId"], found["applicationNumber"], found["startedAt"]) == ("C1", "A1", hour(9))
    assert (found["status"], found["utteranceCount"], found["noticeboardCount"]) == ("approved", 1, 1)
    assert (found["assessments"], found["decisionDetail"]) == (
        {"fraudCheck": {"score": 1}},
        {"reason": "good"},
    )


def test_a_chat_starts_once_at_the_earliest_time() -> None:
    assert chat(said(2, "conversation_started"), said(1, "conversation_started"))["startedAt"] == hour(1)


def test_utterances_stay_in_the_order_of_their_own_created_at() -> None:
    words = [
        said(9, kind, {"utterance": str(at), "created_at": f"2026-03-01T{at:02}:00"})
        for at, kind in ((3, "user_input"), (1, "assistant_response"), (2, "user_input"))
    ]
    found = chat(*words)
    assert [each["utterance"] for each in found["utterances"]] == ["1", "2", "3"]
    assert [each["username"] for each in found["utterances"]] == ["assistant", "customer", "customer"]
    assert (found["lastUtteranceAt"], found["utteranceCount"]) == (hour(3), 3)


def test_utterances_of_one_time_stay_in_the_order_of_arrival() -> None:
    words = [said(1, "user_input", {"utterance": word}) for word in ("b", "a", "c")]
    found = documents(words)["conversations"]["V1"]
    assert [each["utterance"] for each in found["utterances"]] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("word", "final", "status"),
    [
        ("APPROVED", "APPROVED", "approved"),
        ("declined", "DECLINED", "declined"),
        ("Decision.REFERRED", "REFERRED", "referred"),
        ("Hard_End", "HARD_END", "hard_end"),
        ("withdrawn by customer", "WITHDRAWN BY CUSTOMER", "hard_end"),
    ],
)
@pytest.mark.parametrize("key", ["decision", "outcome"])
def test_upstreams_word_is_kept_in_upper_case_and_decides_the_status(
    key: str, word: str, final: str, status: str
) -> None:
    found = chat(said(1, "final_decision", {key: word}))
    assert (found["finalDecision"], found["status"], found["decidedAt"]) == (final, status, hour(1))


DECLINED = {"decision": "DECLINED", "reason": "surplus too low", "blocked_until": "2026-06-01"}


def test_a_newer_decision_replaces_all_details_of_the_older_one() -> None:
    found = chat(
        said(1, "final_decision", DECLINED), said(2, "final_credit_decision", {"decision": "APPROVED"})
    )
    assert (found["finalDecision"], found["status"], "decisionDetail" in found) == (
        "APPROVED",
        "approved",
        False,
    )


def test_an_older_decision_that_arrives_late_leaves_nothing() -> None:
    newer = said(2, "final_decision", {"decision": "APPROVED", "retry_eligible": False})
    assert chat(said(1, "final_decision", DECLINED), newer)["decisionDetail"] == {"retryEligible": False}


def test_details_that_come_alone_add_to_the_decision_that_stands() -> None:
    alone = said(2, "final_decision", {"retry_eligible": True, "source_application_number": 70010.0})
    found = chat(said(1, "final_decision", DECLINED), alone)
    assert found["decisionDetail"] == {
        "reason": "surplus too low",
        "blockedUntil": "2026-06-01",
        "retryEligible": True,
        "sourceApplicationNumber": "70010",
    }
    assert found["decidedAt"] == hour(1)


def test_details_that_came_without_any_decision_are_kept_and_show_once_one_stands() -> None:
    alone = said(1, "final_decision", {"reason": "early", "retry_eligible": True})
    assert "decisionDetail" not in chat(alone)
    found = chat(alone, said(2, "final_decision", {"decision": "DECLINED", "reason": "late"}))
    assert found["decisionDetail"] == {"reason": "late", "retryEligible": True}


def test_details_of_an_older_decision_do_not_stay_beside_a_newer_one() -> None:
    found = chat(
        said(1, "final_decision", {"retry_eligible": True}),
        said(2, "final_decision", DECLINED),
        said(3, "final_decision", {"source_application_number": "A1"}),
        said(4, "final_decision", {"decision": "REFERRED"}),
        said(5, "final_decision", {"reason": "asks for papers"}),
    )
    assert (found["status"], found["decisionDetail"]) == ("referred", {"reason": "asks for papers"})


def test_blocked_until_is_a_date() -> None:
    timed = said(1, "final_decision", {"decision": "DECLINED", "blocked_until": "2026-06-01T00:30+10:00"})
    assert chat(timed)["decisionDetail"] == {"blockedUntil": "2026-06-01"}
    odd = said(1, "final_decision", {"decision": "DECLINED", "reason": "low", "blocked_until": "next year"})
    assert chat(odd)["decisionDetail"] == {"reason": "low"}


def test_the_newest_of_decisions_and_reported_statuses_is_the_status() -> None:
    decided = said(2, "final_decision", {"decision": "APPROVED"})
    before = said(1, "conversationSummary_changed", {"status": "paused"})
    after = said(3, "conversationSummary_changed", {"status": "paused"})
    assert (chat(decided, before)["status"], chat(decided, after)["status"]) == ("approved", "paused")
    assert chat(said(1, "conversationSummary_changed", {"status": "ACTIVE"}))["status"] == "active"


ASSESSED = {
    "identityRisk_assessment": "identityRisk",
    "serviceability_assessment_results": "serviceability",
    "credit_assessment_serviceability_result": "serviceability",
    "fraudCheck_assessment": "fraudCheck",
    "credit_assessment_accountConduct_result": "accountConduct",
    "post_identity_risk_checks_complete": "postIdentityRisk",
    "credit_assessment_complete": "creditAssessmentComplete",
}


@pytest.mark.parametrize("kind", ASSESSED)
def test_of_two_reports_of_one_assessment_the_newer_replaces_the_older(kind: str) -> None:
    found = chat(said(1, kind, {"score": 1, "flags": ["x"]}), said(2, kind, {"score": 2}))
    assert found["assessments"] == {ASSESSED[kind]: {"score": 2}}


def test_application_data_are_the_keys_as_they_came_without_customer_and_application_number() -> None:
    data = {
        "customer": {"customer_id": "C1", "first_name": "Ann", "pet": "cat"},
        "application_number": "A1",
        "loanAmount": "700",
        "employment": {"pay_day": "friday"},
        "timestamp": "2026-03-01T01:00",
    }
    found = chat(said(1, "applicationDetail_changed", data))
    assert found["applicationData"] == {
        "loanAmount": "700",
        "employment": {"pay_day": "friday"},
        "timestamp": "2026-03-01T01:00",
    }
    assert (found["customerId"], found["applicationNumber"]) == ("C1", "A1")


def test_application_data_is_merged_deeply_and_the_newest_counts() -> None:
    found = chat(
        said(1, "applicationDetail_changed", {"job": {"title": "cook", "since": 2020}, "list": [1, 2]}),
        said(2, "applicationDetail_changed", {"job": {"title": "baker", "pay": 900}, "list": [3]}),
    )
    assert found["applicationData"] == {"job": {"title": "baker", "since": 2020, "pay": 900}, "list": [3]}


def test_dirty_keys_are_cleaned_the_same_way_each_time() -> None:
    found = chat(
        said(1, "applicationDetail_changed", {"$set": {"a.b": 1}}),
        said(2, "applicationDetail_changed", {"$set": {"a.b": 2}}),
    )
    assert found["applicationData"] == {"＄set": {"a．b": 2}}


@pytest.mark.parametrize("kind", ["noticeboard_updated", "noticeboard_post"])
@pytest.mark.parametrize("keys", [("agentName", "content"), ("agent_name", "post")])
def test_the_agents_name_is_whole_and_the_topic_follows_it(kind: str, keys: tuple[str, str]) -> None:
    agent, content = keys
    notice = said(1, kind, {agent: "credit::Income", content: "Confirmed."})
    assert chat(notice)["noticeboard"] == [
        {"agentName": "credit::Income", "topic": "Income", "content": "Confirmed.", "timestamp": hour(1)}
    ]


def test_the_topic_of_a_plain_name_is_the_name() -> None:
    (notice,) = chat(said(1, "noticeboard_post", {"agentName": "credit", "post": "x"}))["noticeboard"]
    assert (notice["agentName"], notice["topic"]) == ("credit", "credit")


def test_a_newer_summary_replaces_the_list_of_facts() -> None:
    found = chat(
        said(1, "conversation_summary", {"purpose": "a car", "facts": ["one", "two"]}),
        said(2, "conversation_summary", {"facts": ["three"]}),
    )
    assert (found["purpose"], found["facts"]) == ("a car", ["three"])


def test_a_customer_in_application_details_feeds_the_customer_in_both_styles() -> None:
    messages = [
        said(1, "applicationDetail_changed", {"customer": {"customerId": "C1", "firstName": "Ann"}}),
        said(2, "applicationDetail_changed", {"customer": {"customer_id": "C1", "last_name": "Lee"}}),
        said(3, "applicationDetail_changed", {"customer": {"email": "a@b.test"}}, usr="C1"),
    ]
    found = in_any_order(messages, names=NAMES)["customers"]["C1"]
    assert (found["fullName"], found["emailAddress"]) == ("Ann Lee", "a@b.test")


def test_a_text_in_place_of_the_customer_is_dropped() -> None:
    found = chat(said(1, "applicationDetail_changed", {"customer": "C1", "purpose": "a car"}))
    assert (found["applicationData"], "customerId" in found) == ({"purpose": "a car"}, False)


def test_older_publishers_put_the_payloads_keys_straight_into_the_entry() -> None:
    flat = {"cid": "V1", "timestamp": "2026-03-01T02:00", "application_number": "A1", "loanAmount": "700"}
    message = sent("applicationDetail_changed", entry=flat | {"dat": ""})
    found = chat(message)
    assert (found["applicationData"], found["applicationNumber"]) == ({"loanAmount": "700"}, "A1")
