"""Messages at the edges of the contract, for the sample: a customer who moves, a chat that is decided twice.

No time in them is ahead: it would count as the time of publishing, and the sample's documents would differ.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from app.demo.publishers import ChatHeader, Publishers, TimedEntry

_CUSTOMER = "CUS-900900/A"
_CHAT = ChatHeader("CONV-900900/A", _CUSTOMER, "70010")
_OF_CUSTOMER: tuple[tuple[str, dict[str, Any]], ...] = (
    # A name in Chinese, not in parts yet; blanks, a null, and what cannot be read cost nothing else.
    ("customer.created.v1", {"first_name": "  ", "date_of_birth": "the fourth", "ekyc_status": "IN_REVIEW"}),
    # A whole address; a street's parts outrank a ready-made street; `city` is the suburb.
    (
        "customer.changed.v1",
        {"residential_address": {"street": "4/12 High St", "city": "Perth", "state": "WA"}},
    ),
    (
        "customer.changed.v1",
        {"residential_address": {"unit_number": 4, "full_address": "4/12 High St, Perth"}},
    ),
    ("customer.verified.v1", {}),
    # The customer moves: nothing of the older address is left. Then a part changes.
    (
        "customer.changed.v1",
        {"residential_address": {"street_name": "Low", "street_type": "Rd", "suburb": "Subiaco"}},
    ),
    ("customer.changed.v1", {"residential_address": {"postcode": 6008.0, "country": {"code": "AU"}}}),
    # The identity is checked again: no longer verified.
    ("customer.updated.v1", {"ekyc_status": "declined", "staff": "perhaps", "vulnerable": " yes "}),
)
_OF_CHAT: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "applicationDetail_changed",
        {"customer": {"name": "王小明", "email": "wang@example.com", "phone": 491570006}},
    ),
    (
        "applicationDetail_changed",
        {"application_number": 70010.0, "$when": {"pay.day": "friday"}, "pets": [None]},
    ),
    ("fraudCheck_assessment", {"flags": [" velocity ", "", None], "level": "high"}),
    ("fraudCheck_assessment", {"flags": [], "level": "low"}),
    ("noticeboard_post", {"agentName": "credit::Serviceability", "post": "Income covers the loan."}),
    ("noticeboard_post", {"agent_name": "credit", "content": {"surplus": 120}}),
    ("conversation_summary", {"purpose": " a bond ", "facts": ["rents", "  ", None, "has a job"]}),
    # Details that came before any decision, a decision, and details of it that come alone.
    ("final_decision", {"source_application_number": "A-1"}),
    (
        "final_decision",
        {"decision": "Decision.DECLINED", "reason": "surplus too low", "blocked_until": "2026-06-01"},
    ),
    ("final_decision", {"retry_eligible": "true"}),
    # A newer decision: nothing of the older one is left. Upstream's own word ended the chat.
    ("final_credit_decision", {"outcome": "withdrawn", "blocked_until": "soon"}),
)


def edge_cases(publishers: Publishers, at: datetime) -> Iterator[TimedEntry]:
    """The entries, a minute apart."""
    for kind, payload in _OF_CUSTOMER:
        at += timedelta(minutes=1)
        yield publishers.customer(_CUSTOMER, kind, payload, at)
    for kind, payload in _OF_CHAT:
        at += timedelta(minutes=1)
        yield publishers.chat(kind, payload, at, _CHAT)
