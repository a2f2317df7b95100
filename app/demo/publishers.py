"""How upstream services write entries: each with its own names for the same fields."""

import json
from datetime import UTC, date, datetime, time
from random import Random
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

SYDNEY = ZoneInfo("Australia/Sydney")

Entry = dict[str, str]


class TimedEntry(NamedTuple):
    at: datetime
    entry: Entry


class ChatHeader(NamedTuple):
    conversation: str
    user: str
    application: str


class Publishers:
    """Writes entries as publishers do, with the irregularities that the contract accepts."""

    def __init__(self, chance: Random, zone: ZoneInfo = SYDNEY) -> None:
        """``zone``: the lender's time zone. Its dates are days there."""
        self._chance, self._zone = chance, zone
        self._sequence = self._poisoned = 0

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self._zone)

    def moment(self, day: date, hour: time) -> datetime:
        """That hour of the lender's day, in UTC."""
        return datetime.combine(day, hour, self._zone).astimezone(UTC)

    def time(self, at: datetime) -> str:
        """ISO 8601: in UTC with ``Z``, in UTC without an offset, or local with its offset."""
        utc = at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        return self._chance.choice((f"{utc}Z", utc, self.local(at).isoformat(timespec="milliseconds")))

    def customer(self, customer_id: str, kind: str, payload: dict[str, Any], at: datetime) -> TimedEntry:
        body = {"customer_id": customer_id, "changed_at": self.time(at), **payload}
        return self.service(kind, body, at, user_id=customer_id)

    def service(self, kind: str, payload: dict[str, Any], at: datetime, **more: str) -> TimedEntry:
        """Customers and Accounts: ``event_type`` and ``payload``, an explicit event id."""
        entry = {
            "event_type": kind,
            "event_id": self._identifier(),
            "payload": json.dumps(payload),
            "timestamp": self.time(at),
            "agt": kind.partition(".")[0] + "s-service",
            "rec": self._chance.choice(('["billie-srv"]', "billie-srv")),
            "cls": "msg",
            "seq": self._chance.choice(("", "1")),
        }
        return TimedEntry(at, entry | more)

    def chat(self, kind: str, payload: dict[str, Any], at: datetime, header: ChatHeader) -> TimedEntry:
        """Today's chat: ``typ`` and ``dat``; many messages of one cause, none with an id."""
        self._sequence += 1
        entry = {
            "typ": kind,
            "cause": f"turn-{header.conversation}",
            "c_seq": str(self._sequence),
            "dat": json.dumps(payload),
            "timestamp": self.time(at),
            "agt": "chat",
            "rec": "billie-srv",
        }
        named = {"cid": header.conversation, "usr": header.user, "app_number": header.application}
        return TimedEntry(at, entry | named)

    def old_chat(self, kind: str, payload: dict[str, Any], at: datetime, header: ChatHeader) -> TimedEntry:
        """Older chat publishers: the payload's keys directly in the entry."""
        flat = {key: value if isinstance(value, str) else json.dumps(value) for key, value in payload.items()}
        entry = {"msg_type": kind, "id": self._identifier(), "timestamp": self.time(at), **flat}
        named = {
            "conversation_id": header.conversation,
            "usr": header.user,
            "applicationNumber": header.application,
        }
        return TimedEntry(at, entry | named)

    def poison(self, at: datetime) -> TimedEntry:
        """An entry that becomes a dead letter, each time for another reason."""
        self._poisoned += 1
        kind, event_id = "account.updated.v1", self._identifier()
        return (
            TimedEntry(at, {"event_type": kind, "event_id": event_id, "payload": "{truncated"}),
            self.service(kind, {"current_balance": "12.00"}, at),
            self.service(kind, {"account_id": "ACC-X", "current_balance": "n/a"}, at),
            TimedEntry(at, {"agt": "nobody", "payload": "{}"}),
            TimedEntry(at, {"typ": "user_input", "cause": event_id, "dat": '{"utterance": "lost"}'}),
        )[self._poisoned % 5]

    def dirt(self, at: datetime, customer_id: str) -> TimedEntry:
        """A report with one part that cannot be read: the rest of it counts."""
        odd = {"ekyc_status": "MANUALLY_CHECKED", "investor": False}
        return self.customer(customer_id, "customer.updated.v1", odd, at)

    def unknown(self, at: datetime) -> TimedEntry:
        """An entry of a type that we do not consume: the stream carries many."""
        kind = self._chance.choice(("marketing.email_sent.v1", "statement_retrieval_complete"))
        return self.service(kind, {"anything": 1}, at)

    def _identifier(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))
