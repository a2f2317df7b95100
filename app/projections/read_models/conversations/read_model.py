"""The read model ``conversations``: how events change a chat's document, and what bounds its size.

A document stays below MongoDB's 16 MiB at any number of messages. The lists keep their newest items, with
true counts. Application data loses the values reported longest ago; an assessment or a list of facts that is
too large is left out. ``cutParts`` names what is incomplete.
"""

from bisect import insort
from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import bson
from pydantic.alias_generators import to_camel

from app.aggregates import Conversation
from app.projections.engine.documents import Document
from app.projections.engine.projection import erase, is_erased, on_event, put, time
from app.projections.read_models.base import ReadModel
from app.projections.read_models.conversations.document import ConversationDocument
from app.projections.read_models.search_keys import set_search_keys

MAX_APPLICATION_BYTES = 2 * 1024 * 1024
MAX_PART_BYTES = 512 * 1024
"""Of an assessment, or of the facts. As BSON, a message of 256 KiB may be six times as large."""
Place = tuple[datetime, list[str]]
"""When a value was reported, and its keys: the order in which values are cut."""


class Conversations(ReadModel):
    """How events change a chat's document."""

    name = "conversations"
    model = ConversationDocument
    own = (Conversation,)

    def finish(self, document: Document) -> None:
        super().finish(document)
        set_search_keys(self.name, document)

    @on_event
    def registered(self, document: Document, _event: Conversation.Registered) -> None:
        document.update(status="active", utterances=[], utteranceCount=0, noticeboard=[], noticeboardCount=0)

    @on_event
    def started(self, document: Document, event: Conversation.Started) -> None:
        _put_participants(document, event)
        started_at = time(event.started_at or event.at)
        document["startedAt"] = min(document.get("startedAt", started_at), started_at)

    @on_event
    def participants_met(self, document: Document, event: Conversation.ParticipantsMet) -> None:
        _put_participants(document, event)

    @on_event
    def utterance_added(self, document: Document, event: Conversation.UtteranceAdded) -> None:
        said_at = time(event.created_at)
        utterance: Document = {"username": event.username}
        put(utterance, utterance=event.utterance, createdAt=said_at, rationale=event.rationale)
        put(utterance, answerInputType=event.answer_input_type, endConversation=event.end_conversation)
        put(utterance, additionalData=free_form(event.additional_data))
        options = self.options
        insert(document, "utterances", utterance, "createdAt", options.max_utterances, options.max_list_bytes)
        document["utteranceCount"] += 1
        document["lastUtteranceAt"] = max(document.get("lastUtteranceAt", said_at), said_at)

    @on_event
    def notice_posted(self, document: Document, event: Conversation.NoticePosted) -> None:
        notice: Document = {}
        put(notice, agentName=event.agent_name, topic=event.topic, content=free_form(event.content))
        notice["timestamp"] = time(event.posted_at)
        options = self.options
        insert(document, "noticeboard", notice, "timestamp", options.max_notices, options.max_list_bytes)
        document["noticeboardCount"] += 1

    @on_event
    def application_details_changed(
        self, document: Document, event: Conversation.ApplicationDetailsChanged
    ) -> None:
        _put_participants(document, event)
        if event.application_data:
            merge_application(document, free_form(event.application_data), time(event.at))

    @on_event
    def assessment_recorded(self, document: Document, event: Conversation.AssessmentRecorded) -> None:
        if not is_erased(event.result):
            put_or_cut(document, free_form(event.result), "assessments", event.kind)

    @on_event
    def decision_made(self, document: Document, event: Conversation.DecisionMade) -> None:
        if event.decision is not None:
            put(document, finalDecision=event.decision, decidedAt=time(event.at))
        put(document, status=event.status)
        document.pop("decisionDetail", None)
        if "finalDecision" in document:
            detail: Document = {}
            put(detail, **{to_camel(name): value for name, value in event.details.items()})
            put(document, decisionDetail=detail or None)

    @on_event
    def summarised(self, document: Document, event: Conversation.Summarised) -> None:
        put(document, purpose=event.purpose)
        if event.facts and not is_erased(event.facts):
            put_or_cut(document, free_form(event.facts), "facts")

    @on_event
    def status_changed(self, document: Document, event: Conversation.StatusChanged) -> None:
        _put_participants(document, event)
        put(document, status=event.status)

    @on_event
    def personal_data_erased(self, document: Document, event: Conversation.PersonalDataErased) -> None:
        erase(
            document,
            event,
            "purpose",
            "facts",
            "applicationData",
            "_applicationTimes",
            "assessments",
            "cutParts",
        )
        document.update(utterances=[], noticeboard=[], _bytes={}, _goneUntil={})
        detail = document.get("decisionDetail", {})
        detail.pop("reason", None)
        if not detail:
            document.pop("decisionDetail", None)


def _put_participants(document: Document, event: Conversation.ParticipantsEvent) -> None:
    put(document, customerId=event.customer_id, applicationNumber=event.application_number)


def insert(
    document: Document, field: str, item: Document, time_field: str, keep: int, max_bytes: int
) -> None:
    """Insert by time, ties in arrival order, and drop the oldest items beyond the limits.

    The document keeps the size of each list, and the time of the newest item dropped: older items must
    not come back, or the document would depend on the order of arrival.
    """
    if "erasedAt" in document:
        return
    items: list[Document] = document[field]
    size, gone = document.setdefault("_bytes", {}), document.setdefault("_goneUntil", {})
    if field in gone and item[time_field] < gone[field]:
        return
    insort(items, item, key=itemgetter(time_field))
    size[field] = size.get(field, 0) + len(bson.encode(item))
    while len(items) > keep or size[field] > max_bytes:
        oldest = items.pop(0)
        size[field] -= len(bson.encode(oldest))
        gone[field] = oldest[time_field]


def merge_application(document: Document, changes: Document, at: datetime) -> None:
    """Merge what a report of this time changes into the application data, and cut it to its bound.

    The document keeps the time of each value, and the newest value cut: older ones must not come back.
    """
    data, times = document.setdefault("applicationData", {}), document.setdefault("_applicationTimes", {})
    gone = document.setdefault("_goneUntil", {})
    _merge(data, times, changes, (at, []), gone.get("applicationData", []))
    if 3 * len(bson.encode(data)) > MAX_APPLICATION_BYTES and (cut := _cut(data, times)) is not None:
        gone["applicationData"] = cut
    if "applicationData" in gone:
        _mark(document, "applicationData", is_cut=True)


def put_or_cut(document: Document, value: Any, field: str, key: str | None = None) -> None:
    """Set a field, or a key in it, to a value; without it, if the value is too large."""
    holder, name = (document, field) if key is None else (document.setdefault(field, {}), key)
    is_cut = len(bson.encode({name: value})) > MAX_PART_BYTES
    if is_cut:
        holder.pop(name, None)
    else:
        holder[name] = value
    _mark(document, field if key is None else f"{field}.{key}", is_cut=is_cut)
    if not document.get(field):
        document.pop(field, None)


def _mark(document: Document, part: str, *, is_cut: bool) -> None:
    parts = set(document.pop("cutParts", ())) - {part}
    if parts := parts | {part} if is_cut else parts:
        document["cutParts"] = sorted(parts)


def _merge(data: Document, times: Document, changes: Document, place: Place, gone: Sequence[Any]) -> None:
    """Merge deeply; a list replaces a list. ``times`` holds the time of each value under its keys."""
    at, path = place
    for key, value in changes.items():
        here = (at, [*path, key])
        if not isinstance(value, dict):
            if not gone or here > tuple(gone):
                data[key], times[key] = value, at
            continue
        if not isinstance(data.get(key), dict):
            data[key], times[key] = {}, {}
        _merge(data[key], times[key], value, here, gone)
        if not data[key]:
            del data[key], times[key]


def _cut(data: Document, times: Document) -> list[Any] | None:
    """Remove the oldest values beyond the bound; returns the time and the path of the newest one removed."""
    size, newest = 0, None
    for at, path in sorted(_places(times, []), reverse=True):
        holders = [(data, times)]
        for key in path[:-1]:
            holders.append((holders[-1][0][key], holders[-1][1][key]))
        size += len(bson.encode({path[-1]: holders[-1][0][path[-1]]}))
        if size > MAX_APPLICATION_BYTES:
            newest = newest or [at, path]
            for key, (values, their_times) in zip(reversed(path), reversed(holders), strict=True):
                del values[key], their_times[key]
                if values:
                    break
    return newest


def _places(times: Document, path: list[str]) -> Iterator[Place]:
    for key, at in times.items():
        if isinstance(at, dict):
            yield from _places(at, [*path, key])
        else:
            yield at, [*path, key]


def free_form(value: Any) -> Any:
    """A free-form value that MongoDB accepts: no key starts with ``$`` or contains ``.``.

    Both become their full-width forms (``＄``, ``．``). Nulls and empty strings are left out: absent means
    unknown.
    """
    if isinstance(value, dict):
        return {_key(key): free_form(item) for key, item in value.items() if item is not None and item != ""}
    if isinstance(value, list):
        return [free_form(item) for item in value if item is not None and item != ""]
    return value


def _key(key: str) -> str:
    if key.startswith("$"):
        key = "＄" + key[1:]
    return key.replace(".", "．") or "＿"
