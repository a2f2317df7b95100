"""A believable lender: a customer's story, from the first chat to the end of the loan."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from app.demo.loan import LoanStory
from app.demo.people import Person, person
from app.demo.publishers import EntryHeader, Publishers, TimedEntry

_GREETING = "Hi, I'm Billie. What would you like to borrow for?"


class Lender:
    """Customers' stories: the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def story(self, number: int, applied_at: datetime) -> list[TimedEntry]:
        """Everything that is published about the customer of that number, in order of time."""
        chance = Random(f"{self._seed}/{number}")
        publishers = Publishers(chance)
        who = person(number, chance)
        amount = Decimal(chance.randrange(300, 2_001, 50))
        decision = chance.choices(("APPROVED", "DECLINED", "REFERRED"), (80, 15, 5))[0]
        entries = list(self._application(number, who, amount, decision, publishers, chance, applied_at))
        if decision == "APPROVED":
            loan = LoanStory(number, who, amount, publishers, chance)
            entries += loan.tell(applied_at + timedelta(minutes=20))
        if chance.random() < 0.08:
            entries.append(TimedEntry(applied_at, publishers.unknown(applied_at)))
        if chance.random() < 0.04:
            entries.append(TimedEntry(applied_at, publishers.poison(applied_at)))
        return sorted(entries, key=lambda each: each.at)

    def _application(
        self,
        number: int,
        who: Person,
        amount: Decimal,
        decision: str,
        publishers: Publishers,
        chance: Random,
        start: datetime,
    ) -> Iterator[TimedEntry]:
        """The chat: talk, data, assessments, the decision."""
        conversation, application = f"CONV-{number:06}", f"APP-{number:06}"
        write = publishers.old_chat if chance.random() < 0.2 else publishers.chat
        clock = start

        def say(kind: str, payload: dict[str, Any]) -> TimedEntry:
            nonlocal clock
            clock += timedelta(seconds=chance.randint(4, 40))
            stamped = (
                {"created_at": clock.isoformat()} if kind in ("user_input", "assistant_response") else {}
            )
            head = EntryHeader(clock, conversation, who.customer_id, application)
            return TimedEntry(clock, write(kind, payload | stamped, head))

        yield say("conversation_started", {"application_number": application})
        talk = (
            (_GREETING, f"I need {amount} dollars for {who.purpose}."),
            ("Where do you work?", f"I'm a {who.work}."),
            ("How much do you earn a fortnight?", f"About {chance.randrange(1_200, 3_200, 50)} after tax."),
            ("May we look at your bank statements?", "Yes, that's fine."),
        )
        for asked, answered in talk:
            yield say("assistant_response", {"utterance": asked, "rationale": "next open question"})
            yield say("user_input", {"utterance": answered, "answer_input_type": "text"})
        applicant = {"customerId": who.customer_id, "firstName": who.first_name, "lastName": who.last_name}
        details = {"customer": applicant, "loanAmount": str(amount), "employment": {"occupation": who.work}}
        yield say("applicationDetail_changed", details)
        yield say(
            "identityRisk_assessment", {"score": chance.randint(1, 100), "provider.reply": {"$ok": True}}
        )
        yield say(
            chance.choice(("serviceability_assessment_results", "credit_assessment_serviceability_result")),
            {"surplus": chance.randint(-200, 900), "passed": decision != "DECLINED"},
        )
        yield say("fraudCheck_assessment", {"flags": [], "level": "low"})
        yield say("credit_assessment_accountConduct_result", {"dishonours": chance.randint(0, 3)})
        yield say("post_identity_risk_checks_complete", {"complete": True})
        yield say("credit_assessment_complete", {"complete": True})
        notice = {"agentName": "serviceability::Income", "content": f"Income of a {who.work} confirmed."}
        yield say(chance.choice(("noticeboard_updated", "noticeboard_post")), notice)
        yield say("conversation_summary", {"purpose": who.purpose, "facts": [f"works as a {who.work}"]})
        outcome: dict[str, Any] = {"decision": decision, "reason": "within policy"}
        if decision == "DECLINED":
            blocked = (start + timedelta(days=90)).date().isoformat()
            outcome = {
                "outcome": "DECLINED",
                "reason": "surplus too low",
                "retry_eligible": True,
                "blocked_until": blocked,
            }
        yield say(chance.choice(("final_decision", "final_credit_decision")), outcome)
        yield say(
            "assistant_response", {"utterance": "We have decided. Thank you!", "end_conversation": True}
        )
        yield say("conversationSummary_changed", {"status": decision.lower()})
