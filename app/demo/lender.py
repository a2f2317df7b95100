"""A believable lender: a customer's story, from the first chat to the end of the last loan."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from app.demo.loan import Loan
from app.demo.people import Person, person
from app.demo.publishers import SYDNEY, ChatHeader, Publishers, TimedEntry
from app.demo.repayment import WRITE_OFFS, Repayment

_GREETING = "Hi, I'm Billie. What would you like to borrow for?"
_SECOND_LOAN = 500_000
"""What the numbers of a customer's second loan and application are ahead of the first ones."""
_BORROWERS = (
    ("steady", range(1, 200)),
    ("steady", range(14, 71, 14)),  # An instalment is due on the last day of the history.
    ("dishonoured", range(30, 120)),
    ("steady", range(14, 71, 14)),
    ("stops", range(166, 176)),
    ("early", range(60, 200)),
    ("steady", range(1, 90)),
    ("hardship", range(100, 150)),
    ("stops", range(75, 116)),
    ("steady", range(14, 71, 14)),
    ("partial", range(30, 120)),
    ("stops", range(166, 176)),
    ("steady", range(1, 90)),
    ("adjusted", range(30, 150)),
    ("dishonoured", range(14, 71, 14)),
    ("stops", range(75, 116)),
    ("steady", range(100, 200)),
    ("adjusted", range(90, 150)),
    ("stops", range(72, 78)),
    ("early", range(30, 80)),
)
"""How a customer repays, by number, and how many days before the end of the history they applied."""


class Lender:
    """Customers' stories: the same seed gives the same ones."""

    def __init__(self, seed: int, zone: ZoneInfo = SYDNEY, debits_at: time = time(6, 0)) -> None:
        """``zone``: its days are the lender's. ``debits_at``: when direct debits are settled there."""
        self._seed, self._zone, self._debits_at = seed, zone, debits_at

    def applied_at(self, number: int, now: datetime) -> datetime:
        """When that customer of a history that ends now applied."""
        chance = Random(f"{self._seed}/{number}/applied")
        _, days = _BORROWERS[number % len(_BORROWERS)]
        day = now.astimezone(self._zone).date() - timedelta(days=chance.choice(days))
        return datetime.combine(day, time(chance.randint(8, 20), chance.randint(0, 59)), self._zone)

    def history(self, numbers: Iterable[int], now: datetime) -> list[TimedEntry]:
        """What was published about those customers until now, with dirt and poison, in order of time."""
        chance = Random(f"{self._seed}/history")
        publishers, entries = Publishers(chance, self._zone), list[TimedEntry]()
        for number in numbers:
            applied_at = self.applied_at(number, now)
            entries += self.story(number, applied_at, now)
            if number % 8 == 1:
                entries += [publishers.poison(applied_at), publishers.dirt(now, f"CUS-{number:06}")]
        return sorted(entries, key=lambda each: each.at)

    def story(self, number: int, applied_at: datetime, until: datetime) -> list[TimedEntry]:
        """Everything that is published about the customer of that number until then, in order of time."""
        chance = Random(f"{self._seed}/{number}")
        publishers = Publishers(chance, self._zone)
        who = person(number, chance)
        story: list[TimedEntry] = []
        habit, _ = _BORROWERS[number % len(_BORROWERS)]
        outcome = WRITE_OFFS[number // 10 % len(WRITE_OFFS)]
        for this in (number, number + _SECOND_LOAN):
            amount = Decimal(chance.randrange(300, 2_001, 50))
            chat = _Application(this, who, amount, publishers, chance, applied_at)
            story += chat.entries
            if chat.decision != "APPROVED":
                break
            if this == number:
                story += _known(who, publishers, chance, chat.clock)
            loan = Loan(this, who.customer_id, amount, publishers, chance)
            loan.open(chat.clock + timedelta(minutes=2))
            paid_out = chat.clock + timedelta(minutes=chance.randint(4, 9))
            loan.disburse(paid_out)
            repayment = Repayment(loan, who, publishers, chance, self._debits_at, habit, outcome)
            story += repayment.live(paid_out, until)
            if loan.closed_as != "PAID_OFF" or chance.random() < 0.5:
                break
            later = timedelta(days=chance.randint(2, 20), minutes=chance.randint(0, 300))
            applied_at = loan.entries[-1].at + later
        return sorted((each for each in story if each.at <= until), key=lambda each: each.at)


def _known(who: Person, publishers: Publishers, chance: Random, at: datetime) -> list[TimedEntry]:
    """What Customers reports of somebody new."""
    checked = {"ekyc_status": chance.choice(("SUCCESS", "verified", "passed"))}
    reports: tuple[tuple[str, dict[str, Any]], ...] = (
        ("customer.created.v1", {**who.details, "ekyc_status": "in_progress"}),
        (chance.choice(("customer.changed.v1", "customer.updated.v1")), checked),
        ("customer.verified.v1", {"verified_at": publishers.time(at + timedelta(seconds=40))}),
    )
    return [
        publishers.customer(who.customer_id, kind, payload, at + timedelta(seconds=20 * n))
        for n, (kind, payload) in enumerate(reports)
    ]


class _Application:
    """The chat: talk, data, assessments, the decision, taken by a person the next day if in doubt."""

    def __init__(
        self,
        number: int,
        who: Person,
        amount: Decimal,
        publishers: Publishers,
        chance: Random,
        start: datetime,
    ) -> None:
        self.clock, self.entries = start, list[TimedEntry]()
        self._header = ChatHeader(f"CONV-{number:06}", who.customer_id, f"APP-{number:06}")
        self._who, self._chance = who, chance
        self._write = publishers.old_chat if chance.random() < 0.2 else publishers.chat
        self._publishers = publishers
        self.decision = "DECLINED" if number % 9 == 5 else "REFERRED" if number % 17 == 8 else "APPROVED"
        self._talk(amount)
        self._assess()
        self._decide()
        self._say(
            "assistant_response", {"utterance": "We have decided. Thank you!", "end_conversation": True}
        )
        if self.decision == "REFERRED":
            self.clock += timedelta(hours=chance.randint(14, 20))
            self.decision = chance.choice(("APPROVED", "DECLINED"))
            self._decide()
        self._say("conversationSummary_changed", {"status": self.decision.lower()})

    def _say(self, kind: str, payload: dict[str, Any]) -> None:
        if kind in ("user_input", "assistant_response"):
            payload = payload | {"created_at": self._publishers.time(self.clock)}
        self.entries.append(self._write(kind, payload, self.clock, self._header))
        self.clock += timedelta(seconds=self._chance.randint(2, 10))

    def _talk(self, amount: Decimal) -> None:
        who, earned = self._who, self._chance.randrange(1_200, 3_200, 50)
        self._say("conversation_started", {"application_number": self._header.application})
        talk = (
            (_GREETING, f"I need {amount} dollars for {who.purpose}."),
            ("Where do you work?", f"I'm a {who.work}."),
            ("How much do you earn a fortnight?", f"About {earned} after tax."),
            ("May we look at your bank statements?", "Yes, that's fine."),
        )
        for asked, answered in talk:
            self._say("assistant_response", {"utterance": asked, "rationale": "next open question"})
            self._say("user_input", {"utterance": answered, "answer_input_type": "text"})
        applicant = {"customerId": who.customer_id, "firstName": who.first_name, "lastName": who.last_name}
        details = {"customer": applicant, "loanAmount": str(amount), "employment": {"occupation": who.work}}
        self._say("applicationDetail_changed", details)

    def _assess(self) -> None:
        who, chance = self._who, self._chance
        passed = self.decision != "DECLINED"
        risk = {"score": chance.randint(1, 100), "provider.reply": {"$ok": True}}
        surplus = chance.randint(150, 900) if passed else chance.randint(-200, 20)
        serviceability = ("serviceability_assessment_results", "credit_assessment_serviceability_result")
        self._say("identityRisk_assessment", risk)
        self._say(chance.choice(serviceability), {"surplus": surplus, "passed": passed})
        self._say("fraudCheck_assessment", {"flags": [], "level": "low"})
        self._say("credit_assessment_accountConduct_result", {"dishonours": chance.randint(0, 3)})
        self._say("post_identity_risk_checks_complete", {"complete": True})
        self._say("credit_assessment_complete", {"complete": True})
        notice = {"agentName": "serviceability::Income", "content": f"Income of a {who.work} confirmed."}
        self._say(chance.choice(("noticeboard_updated", "noticeboard_post")), notice)
        self._say("conversation_summary", {"purpose": who.purpose, "facts": [f"works as a {who.work}"]})

    def _decide(self) -> None:
        outcome: dict[str, Any] = {"decision": self.decision, "reason": "within policy"}
        if self.decision == "REFERRED":
            outcome["reason"] = "a person checks the income"
        elif self.decision == "DECLINED":
            blocked: date = (self._publishers.local(self.clock) + timedelta(days=90)).date()
            outcome = {
                "outcome": "DECLINED",
                "reason": "surplus too low",
                "retry_eligible": True,
                "blocked_until": blocked.isoformat(),
            }
        self._say(self._chance.choice(("final_decision", "final_credit_decision")), outcome)
