"""The rules of conversations: from their reports to the document."""

from datetime import datetime
from typing import Any

from tests.oracle.reports import Report, known, newest, shown, stamps
from tests.oracle.shapes import ASSESSMENTS
from tests.oracle.values import free_form

SPEAKERS = {"user_input": "customer", "assistant_response": "assistant"}
OUTCOMES = {"APPROVED": "approved", "DECLINED": "declined", "REFERRED": "referred"}
DETAILS = "reason retry_eligible blocked_until source_application_number"


def conversation(name: str, reports: list[Report]) -> dict[str, Any]:
    """The document of a conversation."""
    started = [report.at for report in reports if report.kind == "conversation_started"]
    said, notices = utterances(reports), noticeboard(reports)
    word, decided, detail = decision(reports)
    return known(
        {
            "_id": name,
            "conversationId": name,
            "customerId": last([customer_of(report) for report in reports]),
            "applicationNumber": last([application_of(report) for report in reports]),
            "status": status(reports),
            "startedAt": min(started, default=None),
            "lastUtteranceAt": max((each["createdAt"] for each in said), default=None),
            "utterances": said,
            "utteranceCount": len(said),
            "noticeboard": notices,
            "noticeboardCount": len(notices),
            "assessments": assessments(reports),
            "applicationData": application_data(reports),
            "purpose": newest(reports, "purpose"),
            "facts": last([report.facts.get("facts") for report in reports]),
            "finalDecision": word,
            "decidedAt": decided,
            "decisionDetail": detail,
        }
        | stamps(reports)
    )


def last(values: list[Any]) -> Any:
    """The newest of these that is known; nothing left of a list is an absent list."""
    return next((value for value in reversed(values) if value), None)


def customer_of(report: Report) -> str | None:
    """The customer that a message of the chat names."""
    named: str | None = report.facts.get("customer", {}).get("customer_id")
    return named or report.customer


def application_of(report: Report) -> str | None:
    """The application that a message of the chat names: also inside the payload."""
    return report.facts.get("application_number") or report.application


def utterances(reports: list[Report]) -> list[dict[str, Any]]:
    """Utterances stay in the order of their own `created_at`, ties in arrival order."""
    spoken = [
        {
            "username": SPEAKERS[report.kind],
            "createdAt": report.ours(report.facts.get("created_at", report.at)),
        }
        | shown(report.facts, "utterance rationale answer_input_type end_conversation additional_data")
        for report in sorted(reports, key=lambda report: report.arrival)
        if report.kind in SPEAKERS
    ]
    return sorted(spoken, key=lambda each: each["createdAt"])


def noticeboard(reports: list[Report]) -> list[dict[str, Any]]:
    """`agent::Topic` is kept whole; the topic is what follows `::`, else the name."""
    notices = []
    for report in reports:
        if report.kind.startswith("noticeboard"):
            topic = report.facts.get("agent_name", "").rpartition("::")[2].strip() or None
            content = report.facts.get("content", report.facts.get("post"))
            facts = {"agent_name": report.facts.get("agent_name"), "topic": topic, "content": content}
            notices.append(shown(facts | {"timestamp": report.at}, "agent_name topic content timestamp"))
    return notices


def assessments(reports: list[Report]) -> dict[str, Any]:
    """Of two reports of one assessment, the newer replaces the older."""
    made = [report for report in reports if report.kind in ASSESSMENTS]
    return {ASSESSMENTS[report.kind]: free_form(report.payload) for report in made}


def application_data(reports: list[Report]) -> dict[str, Any]:
    """Keys as they came, without `customer` and the application number; deep-merged, the newest counts."""
    merged: dict[str, Any] = {}
    for report in reports:
        if report.kind == "applicationDetail_changed":
            others = ("customer", "application_number", "applicationNumber")
            deep_merge(merged, free_form({k: v for k, v in report.payload.items() if k not in others}))
    return merged


def deep_merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Objects are merged key by key; any other value replaces the older one."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            deep_merge(into[key], value)
        else:
            into[key] = value


def decided_by(report: Report) -> str | None:
    """Upstream's word for the decision, upper case."""
    word: str | None = report.facts.get("decision", report.facts.get("outcome"))
    return word.rpartition(".")[2].upper() if word else None


def status(reports: list[Report]) -> str:
    """Active from the start; then what the newest decision or report of a status says."""
    found: str = "active"
    for report in reports:
        if word := decided_by(report):
            found = OUTCOMES.get(word, "hard_end")
        found = report.facts.get("status", found)
    return found


def decision(reports: list[Report]) -> tuple[str | None, datetime | None, dict[str, Any]]:
    """Details belong to their decision: a newer one replaces them all, those that come alone add to it.

    Details without any decision are kept, and show once a decision stands.
    """
    word: str | None = None
    decided: datetime | None = None
    detail: dict[str, Any] = {}
    for report in reports:
        own = shown(report.facts, DETAILS)
        if said := decided_by(report):
            detail = own if word else detail | own
            word, decided = said, report.at
        else:
            detail |= own
    return word, decided, detail if word else {}
