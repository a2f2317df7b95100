"""From entries of the stream to reports: what a message says, of which thing, at what time."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.oracle.shapes import ASSESSMENTS, SHAPES
from tests.oracle.values import RejectedError, camel, identifier, lacks, read_keys, time, value_of

Entry = tuple[str, dict[str, str]]
"""The entry's id, and its fields."""
OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Report:
    """One message that was absorbed."""

    kind: str
    facts: dict[str, Any]
    payload: dict[str, Any]
    own_time: datetime | None
    came_in: datetime
    arrival: int
    conversation: str
    customer: str | None
    application: str | None
    cause: str | None

    @property
    def at(self) -> datetime:
        """A report without a time has the time it came in."""
        return self.ours(self.own_time or self.came_in)

    @property
    def order(self) -> tuple[int, datetime, int]:
        """By time, ties by arrival; the creation of an account is its oldest report, whenever it comes."""
        if self.kind != "account.created.v1":
            return (1, self.at, self.arrival)
        return (0, self.at if self.own_time else OLDEST, self.arrival)

    def ours(self, clock: datetime) -> datetime:
        """A clock that is ahead by more than ten minutes counts as ours: the time the entry came in."""
        return self.came_in if clock > self.came_in + timedelta(minutes=10) else clock

    def of(self, facts: dict[str, Any]) -> "Report":
        """What this message says of another thing, at the same time."""
        return replace(self, facts=facts)


def absorbed(entries: list[Entry]) -> list[Report]:
    """The reports of all entries that can be used, oldest first; a message that returns changes nothing."""
    reports: dict[str, Report] = {}
    for arrival, (entry_id, fields) in enumerate(entries):
        try:
            report = read(entry_id, fields, arrival)
        except RejectedError:
            continue
        if report is not None:
            reports.setdefault(identity(entry_id, fields, report), report)
    return sorted(reports.values(), key=lambda report: report.order)


def first(fields: dict[str, str], *names: str) -> str | None:
    """Names vary by publisher, first present wins; an empty field counts as absent."""
    return next((fields[name] for name in names if fields.get(name)), None)


def identity(entry_id: str, fields: dict[str, str], report: Report) -> str:
    """`event_id`, else `id`; else a digest where `cause` is present; else the entry's own id."""
    parts = [report.kind, report.conversation, report.cause, first(fields, "seq", "c_seq"), report.payload]
    digest = json.dumps(parts, sort_keys=True)
    return first(fields, "event_id", "id") or (digest if report.cause else entry_id)


def read(entry_id: str, fields: dict[str, str], arrival: int) -> Report | None:
    """What the entry reports; None of a type that is not consumed. Raises RejectedError for a dead letter."""
    kind = first(fields, "msg_type", "typ", "event_type")
    if kind is None:
        raise RejectedError("no type")
    if kind not in SHAPES and kind not in ASSESSMENTS:
        return None
    sent = first(fields, "dat", "payload")  # Older chat publishers put the payload's keys into the entry.
    try:
        payload = dict(fields) if sent is None else json.loads(sent)
    except ValueError:
        raise RejectedError("payload is not JSON") from None
    shape = SHAPES.get(kind, {})
    facts = read_keys(payload, shape)
    conversation = identifier(first(fields, "cid", "conv", "conversation_id")) or ""
    needs_conversation = kind.startswith("writeoff.") or not kind.endswith(".v1")
    if lacks(facts, shape) or (needs_conversation and not conversation):
        raise RejectedError("a required key is missing")
    own = [value_of(payload, key) for key in ("changed_at", "timestamp", "last_updated", "verified_at")]
    entrys = [first(fields, "timestamp"), first(fields, "created_at")]
    clocks = [time(each) for each in [*own, *entrys, value_of(payload, "created_at")]]
    return Report(
        kind,
        facts,
        payload,
        next((each for each in clocks if each), None),
        datetime.fromtimestamp(int(entry_id.partition("-")[0]) / 1000, UTC),
        arrival,
        conversation,
        identifier(first(fields, "usr", "user_id")),
        identifier(first(fields, "app_number", "application_number", "applicationNumber")),
        first(fields, "cause"),
    )


def newest(reports: list[Report], key: str) -> Any:
    """The value of the newest report that has one: an absent key never clears a stored value."""
    return next((report.facts[key] for report in reversed(reports) if key in report.facts), None)


def known(fields: dict[str, Any]) -> dict[str, Any]:
    """Absent means unknown: no nulls, no empty objects or lists."""
    return {key: value for key, value in fields.items() if value is not None and value not in ({}, [])}


def shown(facts: dict[str, Any], names: str) -> dict[str, Any]:
    """These facts under the names of the documents."""
    return known({camel(name): facts.get(name) for name in names.split()})


def newest_of(reports: list[Report], names: str) -> dict[str, Any]:
    """The newest value of each of these, under the names of the documents."""
    return shown({name: newest(reports, name) for name in names.split()}, names)


def stamps(reports: list[Report]) -> dict[str, datetime]:
    """The earliest and the latest time that the thing was reported at."""
    times = [report.at for report in reports]
    return {"createdAt": min(times), "updatedAt": max(times)}
