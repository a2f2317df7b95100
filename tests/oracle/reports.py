"""From entries of the stream to reports: what a message says, of which thing, at what time."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import InvalidOperation
from typing import Any

from tests.oracle.messages import KEYS_OF, camel, identifier, read_keys, time

Entry = tuple[str, dict[str, str]]  # The entry's id, and its fields.
OWN_TIMES = "changed_at timestamp last_updated verified_at"
OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Report:
    """One message that was absorbed."""

    kind: str
    conversation: str | None
    facts: dict[str, Any]
    payload: dict[str, Any]
    fields: dict[str, str]
    arrival: int
    came_in: datetime
    own_time: datetime | None

    @property
    def at(self) -> datetime:
        """A report without a time has the time it came in."""
        return self.ours(self.own_time or self.came_in)

    @property
    def order(self) -> tuple[bool, datetime, int]:
        """By time, ties by arrival; the creation of an account is its oldest report, whenever it comes."""
        is_later = self.kind != "account.created.v1"
        return (is_later, self.at if self.own_time or is_later else OLDEST, self.arrival)

    def ours(self, clock: datetime) -> datetime:
        """A clock that is ahead by more than ten minutes counts as ours: the time the entry came in."""
        return self.came_in if clock > self.came_in + timedelta(minutes=10) else clock


def absorbed(entries: list[Entry]) -> list[Report]:
    """The reports of all entries that can be used, oldest first; a message that returns changes nothing."""
    reports: dict[str, Report] = {}
    for arrival, (entry_id, fields) in enumerate(entries):
        kind = first(fields, "msg_type", "typ", "event_type") or ""
        sent = first(fields, "dat", "payload")  # Older chat publishers put the payload's keys into the entry.
        try:
            payload = dict(fields) if sent is None else json.loads(sent)
            facts = read_keys(payload, f"{KEYS_OF.get(kind, '')} {OWN_TIMES} created_at")
        except (ValueError, InvalidOperation):
            continue  # A dead letter: no JSON, or money that does not parse.
        conversation = identifier(first(fields, "cid", "conv", "conversation_id"))
        is_addressed = conversation or kind.startswith(("customer.", "account.", "loan."))
        if kind not in KEYS_OF or facts is None or not is_addressed:
            continue  # A type that is not consumed, or a dead letter: a required key is missing.
        times = [facts.get(key) for key in OWN_TIMES.split()]
        times += [time(fields.get("timestamp")), time(fields.get("created_at")), facts.get("created_at")]
        came_in = datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC)
        own_time = next((at for at in times if at), None)
        report = Report(kind, conversation, facts, payload, fields, arrival, came_in, own_time)
        cause, sequence = first(fields, "cause"), first(fields, "seq", "c_seq")
        digest = json.dumps([kind, conversation, cause, sequence, payload], sort_keys=True)
        reports.setdefault(first(fields, "event_id", "id") or (digest if cause else entry_id), report)
    return sorted(reports.values(), key=lambda report: report.order)


def first(fields: dict[str, str], *names: str) -> str | None:
    """Names vary by publisher, first present wins; an empty field counts as absent."""
    return next((fields[name] for name in names if fields.get(name)), None)


def merged(reports: list[Report]) -> dict[str, Any]:
    """The newest value of each key: an absent key never clears a stored value."""
    return {key: value for report in reports for key, value in report.facts.items()}


def known(fields: dict[str, Any]) -> dict[str, Any]:
    """Absent means unknown: no nulls, no empty objects or lists."""
    return {key: value for key, value in fields.items() if value is not None and value not in ({}, [])}


def shown(facts: dict[str, Any], names: str) -> dict[str, Any]:
    """These facts under the names of the documents."""
    return known({camel(name): facts.get(name) for name in names.split()})


def document(key: str, name: str, reports: list[Report], facts: dict[str, Any]) -> dict[str, Any]:
    """A document: its identifiers, and the earliest and the latest time that it was reported at."""
    times = [report.at for report in reports]
    stamps = {"createdAt": min(times), "updatedAt": max(times)}
    return known({"_id": name, key: name} | facts | stamps)
