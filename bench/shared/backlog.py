"""A seeded backlog of the inbox stream: mostly chat, many customers at once, every entry valid.

Each applicant's story is a chat of some twenty-five messages, and with it their customer record and, for
some, a loan account with its schedule: 93 % chat in all. Two hundred stories run at a time, interleaved.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson

Entry = dict[str, str]

_STORIES_AT_ONCE = 200
_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_WORDS = (
    "I we you they the a my your loan rent car fridge bond school fees fortnight pay work shift baker nurse "
    "courier bank statement weekly hours casual full-time about after before tax please thanks need would "
    "can will is are was be to for of and or but so because every last next month week two three hundred "
    "dollars repay account number address moved since January together with partner children sure fine"
)
_TEXTS = 2_000
_LARGE_BYTES = 200_000
_ASSESSMENTS = (
    ("identityRisk_assessment", {"score": 41, "provider.reply": {"$ok": True, "reference": "IDR-2207"}}),
    ("serviceability_assessment_results", {"surplus": 412.5, "passed": True, "income": {"net": 2_140}}),
    ("fraudCheck_assessment", {"flags": [], "level": "low", "devices": ["phone", "browser"]}),
    ("credit_assessment_accountConduct_result", {"dishonours": 0, "gambling": {"share": 0.01, "months": 3}}),
)


def backlog(entries: int, seed: int = 1, at_once: int = _STORIES_AT_ONCE) -> Iterator[Entry]:
    """So many stream entries, of ``at_once`` stories at a time. The same seed gives the same ones."""
    chance = Random(seed)
    texts = [_prose(chance) for _ in range(_TEXTS)]
    number = min(at_once, entries)
    stories = [_story(each, seed, texts) for each in range(number)]
    pick = chance.random
    for _ in range(entries):
        place = int(pick() * len(stories))
        entry = next(stories[place], None)
        if entry is None:
            stories[place] = _story(number, seed, texts)
            number += 1
            entry = next(stories[place])
        yield entry


def large_backlog(entries: int, seed: int = 1) -> Iterator[Entry]:
    """So many utterances of 200 kB each, in two hundred chats.

    An emoji in each makes Python hold four bytes a character.
    """
    chance = Random(seed)
    texts = [_prose(chance) for _ in range(_TEXTS)]
    for number in range(entries):
        chat = number % _STORIES_AT_ONCE
        spoken = (
            " ".join(chance.choices(texts, k=_LARGE_BYTES // 100))[:_LARGE_BYTES]
            + "\N{SMILING FACE WITH SMILING EYES}"
        )
        yield {
            "typ": "user_input",
            "cid": f"CONV-{chat:07}",
            "event_id": f"{chance.getrandbits(96):024x}",
            "timestamp": (_START + timedelta(seconds=number)).isoformat(),
            "dat": orjson.dumps({"utterance": spoken}).decode(),
        }


def _prose(chance: Random) -> str:
    """What somebody says: 100 to 600 characters."""
    length = chance.randint(100, 600)
    words = " ".join(chance.choices(_WORDS.split(), k=length // 3))
    return words[:length].strip().capitalize()


def _story(number: int, seed: int, texts: list[str]) -> Iterator[Entry]:
    chance = Random(seed << 32 | number)
    write = _Writer(number, chance)
    customer = write.customer
    yield write.chat("conversation_started", {"application_number": write.application})
    yield write.service(
        "customer.created.v1",
        {
            "customer_id": customer,
            "first_name": "Ann",
            "last_name": f"Applicant-{number}",
            "email_address": f"applicant.{number}@example.com",
            "mobile_phone_number": "0491 570 006",
            "date_of_birth": "1991-05-14",
            "ekyc_status": "SUCCESS",
            "residential_address": {"street_number": number % 180, "suburb": "Fremantle", "state": "WA"},
        },
    )
    for _turn in range(chance.randint(6, 12)):
        asked, answered = (texts[int(chance.random() * _TEXTS)] for _ in range(2))
        yield write.chat("assistant_response", {"utterance": asked, "rationale": "next open question"})
        yield write.chat("user_input", {"utterance": answered, "answer_input_type": "text"})
    applicant = {"customerId": customer, "firstName": "Ann"}
    data = {"customer": applicant, "loanAmount": "700", "employment": {"occupation": "baker"}}
    yield write.chat("applicationDetail_changed", data)
    first = int(chance.random() * 4)
    for each in (first, first - 1):
        kind, result = _ASSESSMENTS[each]
        yield write.chat(kind, result)
    approved = chance.random() < 0.27
    yield write.chat("final_decision", {"decision": "APPROVED" if approved else "DECLINED"})
    yield write.chat("conversation_summary", {"purpose": "car repairs", "facts": ["works as a baker"]})
    if approved:
        yield from _loan(write)


def _loan(write: "_Writer") -> Iterator[Entry]:
    account = {"account_id": f"ACC-{write.number:07}"}
    terms = {"loan_amount": "700.00", "loan_fee": 224.0, "loan_total_payable": "924.00"}
    opened = {"customer_id": write.customer, "status": "PENDING_DISBURSEMENT", "current_balance": "0.00"}
    yield write.service("account.created.v1", account | terms | opened)
    payments = [
        {"payment_number": each + 1, "due_date": f"2026-04-{each * 4 + 1:02}", "amount": "154.00"}
        for each in range(6)
    ]
    plan = {"schedule_id": f"SCH-{write.number:07}", "n_payments": 6, "payment_frequency": "fortnightly"}
    yield write.service("account.schedule.created.v1", account | plan | {"payments": payments})
    yield write.service("account.updated.v1", account | {"status": "ACTIVE", "current_balance": "924.00"})


class _Writer:
    """Writes one applicant's entries: most publishers give event ids, one in five only causes."""

    def __init__(self, number: int, chance: Random) -> None:
        self.number = number
        self.customer, self.application = f"CUS-{number:07}", f"APP-{number:07}"
        self._conversation = f"CONV-{number:07}"
        self._at = _START + timedelta(seconds=number)
        self._sequence = 0
        self._random_id = chance.getrandbits(96)
        self._by_cause = chance.random() < 0.2

    def chat(self, kind: str, payload: dict[str, Any]) -> Entry:
        at = self._next_moment()
        if kind in ("user_input", "assistant_response"):
            payload["created_at"] = at
        entry = {
            "typ": kind,
            "cid": self._conversation,
            "usr": self.customer,
            "app_number": self.application,
            "c_seq": str(self._sequence),
            "agt": "chat",
            "rec": "billie-srv",
            "timestamp": at,
            "dat": orjson.dumps(payload).decode(),
        }
        if self._by_cause:
            entry["cause"] = f"turn-{self._random_id:024x}"
        else:
            entry["event_id"] = self._event_id()
        return entry

    def service(self, kind: str, payload: dict[str, Any]) -> Entry:
        at = self._next_moment()
        payload["changed_at"] = at
        return {
            "event_type": kind,
            "event_id": self._event_id(),
            "user_id": self.customer,
            "agt": "accounts-service",
            "rec": '["billie-srv"]',
            "cls": "msg",
            "seq": "",
            "timestamp": at,
            "payload": orjson.dumps(payload).decode(),
        }

    def _next_moment(self) -> str:
        self._sequence += 1
        self._at += timedelta(seconds=11)
        return self._at.isoformat()

    def _event_id(self) -> str:
        return f"{self._random_id:024x}-{self._sequence:04x}"
