"""How upstream services write entries: each with its own names for the same fields."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from random import Random
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

SYDNEY = ZoneInfo("Australia/Sydney")

Entry = dict[str, str]


class TimedEntry(NamedTuple):
    """An entry, and when it was sent."""

    at: datetime
    entry: Entry


@dataclass(frozen=True)
class EntryHeader:
    """The fields of an entry beside its type and payload."""

    at: datetime
    conversation: str | None = None
    user: str | None = None
    application: str | None = None


class Publishers:
    """Writes entries as publishers do, with the irregularities that the contract accepts."""

    def __init__(self, chance: Random, zone: ZoneInfo = SYDNEY) -> None:
        """``zone``: the lender's time zone. Its dates are days there."""
        self._chance, self._zone = chance, zone
        self._sequence = 0

    def local(self, at: datetime) -> datetime:
        """The same time by the lender's clock."""
        return at.astimezone(self._zone)

    def moment(self, day: date, hour: time) -> datetime:
        """That hour of the lender's day, in UTC."""
        return datetime.combine(day, hour, self._zone).astimezone(UTC)

    def time(self, at: datetime) -> str:
        """ISO 8601: in UTC with ``Z``, in UTC without an offset, or local with its offset."""
        utc = at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        return self._chance.choice((f"{utc}Z", utc, self.local(at).isoformat(timespec="milliseconds")))

    def customer(self, customer_id: str, kind: str, payload: dict[str, Any], at: datetime) -> TimedEntry:
        """A report of Customers."""
        body = {"customer_id": customer_id, "changed_at": self.time(at), **payload}
        return TimedEntry(at, self.service(kind, body, EntryHeader(at, user=customer_id)))

    def service(self, kind: str, payload: dict[str, Any], head: EntryHeader) -> Entry:
        """Customers and Accounts: ``event_type`` and ``payload``, an explicit event id."""
        entry = {
            "event_type": kind,
            "event_id": self._identifier(),
            "payload": json.dumps(payload),
            "timestamp": self.time(head.at),
            "agt": kind.partition(".")[0] + "s-service",
            "rec": self._chance.choice(('["billie-srv"]', "billie-srv")),
            "cls": "msg",
            "seq": self._chance.choice(("", "1")),
        }
        return entry | _present(conv=head.conversation, user_id=head.user)

    def chat(self, kind: str, payload: dict[str, Any], head: EntryHeader) -> Entry:
        """Today's chat: ``typ`` and ``dat``; many messages of one cause, none with an id."""
        self._sequence += 1
        entry = {
            "typ": kind,
            "cause": f"turn-{head.conversation}",
            "c_seq": str(self._sequence),
            "dat": json.dumps(payload),
            "timestamp": self.time(head.at),
            "agt": "chat",
            "rec": "billie-srv",
        }
        return entry | _present(cid=head.conversation, usr=head.user, app_number=head.application)

    def old_chat(self, kind: str, payload: dict[str, Any], head: EntryHeader) -> Entry:
        """Older chat publishers: the payload's keys directly in the entry."""
        flat = {key: value if isinstance(value, str) else json.dumps(value) for key, value in payload.items()}
        entry = {"msg_type": kind, "id": self._identifier(), **flat}
        named = _present(conversation_id=head.conversation, usr=head.user, applicationNumber=head.application)
        return {"timestamp": self.time(head.at)} | entry | named

    def poison(self, at: datetime) -> Entry:
        """An entry that becomes a dead letter, each time for another reason."""
        head, kind = EntryHeader(at), "account.updated.v1"
        reasons = (
            {"event_type": kind, "event_id": self._identifier(), "payload": "{truncated"},
            self.service(kind, {"current_balance": "12.00"}, head),
            self.service(kind, {"account_id": "ACC-X", "current_balance": "n/a"}, head),
            {"agt": "nobody", "payload": "{}"},
            self.chat("user_input", {"utterance": "lost"}, head),
        )
        return reasons[self._sequence % len(reasons)]

    def dirt(self, at: datetime, customer_id: str) -> Entry:
        """A report with one part that cannot be read: the rest of it counts."""
        odd = {"ekyc_status": "MANUALLY_CHECKED", "investor": False}
        return self.customer(customer_id, "customer.updated.v1", odd, at).entry

    def unknown(self, at: datetime) -> Entry:
        """An entry of a type that we do not consume: the stream carries many."""
        kind = self._chance.choice(("marketing.email_sent.v1", "statement_retrieval_complete"))
        return self.service(kind, {"anything": 1}, EntryHeader(at))

    def _identifier(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))


def _present(**fields: str | None) -> Entry:
    return {name: value for name, value in fields.items() if value is not None}
