"""The rules of conversations: from their reports to the document."""

from typing import Any

from tests.oracle.messages import ASSESSMENTS, free_form, identifier
from tests.oracle.reports import Report, document, first, known, shown

SPEAKERS = {"user_input": "customer", "assistant_response": "assistant"}
OUTCOMES = {"APPROVED": "approved", "DECLINED": "declined", "REFERRED": "referred"}
UTTERANCE = "utterance rationale answer_input_type end_conversation additional_data"
DETAILS = "reason retry_eligible blocked_until source_application_number"


def conversation(name: str, reports: list[Report]) -> dict[str, Any]:
    """The document of a conversation: of each fact, the newest report counts."""
    found: dict[str, Any] = {"status": "active", "assessments": {}, "applicationData": {}, "noticeboard": []}
    said: list[tuple[Any, int, dict[str, Any]]] = []
    for report in reports:
        kind, facts = report.kind, report.facts
        found |= known(participants(report)) | shown(facts, "purpose facts")
        if kind == "conversation_started":
            found.setdefault("startedAt", report.at)
        elif kind in SPEAKERS:  # In the order of their own `created_at`, ties in arrival order.
            at = report.ours(facts.get("created_at", report.at))
            utterance = {"username": SPEAKERS[kind], "createdAt": at} | shown(facts, UTTERANCE)
            said.append((at, report.arrival, utterance))
        elif kind.startswith("noticeboard"):  # The topic is what follows `::`, else the name.
            topic = facts.get("agent_name", "").rpartition("::")[2].strip() or None
            notice = {"topic": topic, "content": facts.get("content", facts.get("post"))}
            found["noticeboard"].append(known(notice | {"timestamp": report.at}) | shown(facts, "agent_name"))
        elif kind in ASSESSMENTS:  # The newer of two replaces the older.
            found["assessments"][ASSESSMENTS[kind]] = free_form(report.payload)
        elif kind == "applicationDetail_changed":  # Without `customer` and the application number.
            others = ("customer", "application_number", "applicationNumber")
            data = {key: value for key, value in report.payload.items() if key not in others}
            found["applicationData"] = merge(found["applicationData"], free_form(data))
        word, detail = facts.get("decision", facts.get("outcome")), shown(facts, DETAILS)
        if word is None or "finalDecision" not in found:  # A newer decision replaces all details; those
            detail = found.get("decisionDetail", {}) | detail  # that come alone add to the one that stands.
        if word is not None:
            word = word.rpartition(".")[2].upper()
            found |= {"finalDecision": word, "status": OUTCOMES.get(word, "hard_end"), "decidedAt": report.at}
        found |= {"decisionDetail": detail} | shown(facts, "status")
    said.sort(key=lambda each: each[:2])
    found |= {"utterances": [utterance for *_, utterance in said], "utteranceCount": len(said)}
    found |= {"noticeboardCount": len(found["noticeboard"]), "lastUtteranceAt": said[-1][0] if said else None}
    if "finalDecision" not in found:
        found.pop("decisionDetail", None)  # Kept, shown once a decision stands.
    return document("conversationId", name, reports, found)


def participants(report: Report) -> dict[str, str | None]:
    """The customer and the application that a message of the chat names: also inside the payload."""
    customer = report.facts.get("customer", {}).get("customer_id")
    named = first(report.fields, "app_number", "application_number", "applicationNumber")
    return {
        "customerId": customer or identifier(first(report.fields, "usr", "user_id")),
        "applicationNumber": report.facts.get("application_number") or identifier(named),
    }


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Objects are merged key by key; any other value replaces the older one."""
    both = [
        key for key in old.keys() & new.keys() if isinstance(old[key], dict) and isinstance(new[key], dict)
    ]
    return old | new | {key: merge(old[key], new[key]) for key in both}
