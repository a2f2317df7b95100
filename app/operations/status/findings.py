"""What is wrong with the pipeline, and what to do about it: rules on its state alone.

docs/operations.md has a section on each.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain

from app.ledger.client.errors import NOT_OFFERED
from app.operations.status import report
from app.operations.status.inbox import taken_over_after_ms
from app.runtime.humanize import counted, span
from app.runtime.settings.settings import Settings

ALIVE_WITHIN_S = 60.0
"""A consumer asks Redis twice a second; one whose event store hangs may need 40 s to ask again."""
_LATE_S = 60.0
_MANY_DELIVERIES = 3
_NEW_FOR = timedelta(hours=24)
_LISTED = "GET /v1/ledger-commands?status=unknown lists them."

Findings = Iterator[tuple[str, str]]


def findings(status: report.Status, settings: Settings) -> list[report.Finding]:
    """Everything that needs an operator, the most urgent first."""
    inbox, models = status.inbox, status.read_models
    projections = models.projections if models else []
    found = chain(
        _away(status),
        _money(models.money, settings) if models else (),
        _no_store(status),
        _group(inbox, settings) if inbox else (),
        _other_store(projections),
        _faults(projections),
        _late(projections),
        _migrations(models.waiting_migrations if models else []),
        _ledger(status.ledger) if status.ledger else (),
        _dead_letters(inbox) if inbox else (),
        _new_types(inbox, status) if inbox else (),
        _quiet(inbox, settings) if inbox else (),
    )
    return [report.Finding(code=code, detail=detail) for code, detail in found]


def _away(status: report.Status) -> Findings:
    for away in status.away:
        yield (
            "server_away",
            f"{away.server} does not answer: {away.error}. Is it up? Check {' and '.join(away.settings)}.",
        )


def _no_store(status: report.Status) -> Findings:
    if status.event_store is not None and not status.event_store.is_created:
        yield (
            "no_event_store",
            "There is no event store at BILLIE_EVENT_STORE_URL: start `billie ingest`, which creates it, or "
            "check the setting.",
        )


def _money(money: report.MoneyState, settings: Settings) -> Findings:
    if money.irregular_write_offs:
        yield (
            "write_offs_irregular",
            f"In the last 7 days the ledger posted {counted(money.irregular_write_offs, 'write-off')} "
            "against a rule. GET /v1/write-off-requests?irregular=RULE lists them; RULE is own_request, "
            "takes_a_person or already_decided.",
        )
    if (age := money.oldest_unknown_age_seconds) is None or age < _LATE_S:
        return
    commands = counted(money.unknown, "money command has", "money commands have")
    unknown = f"{commands} an unknown outcome, the oldest for {span(age)}"
    if age < settings.ledger_key_hours * 3_600:
        yield (
            "money_unknown",
            f"{unknown}. A running `billie api` retries them with their keys: is one running, and does the "
            f"ledger answer? {_LISTED}",
        )
    else:
        yield (
            "money_needs_a_person",
            f"{unknown}: the ledger has forgotten its key. Check the ledger's books, and settle it by hand. "
            f"{_LISTED}",
        )


def _group(inbox: report.InboxState, settings: Settings) -> Findings:
    if (group := inbox.group) is None:
        yield (
            "no_group",
            f"{inbox.stream.name} has no consumer group {settings.consumer_group}: start `billie ingest`, "
            "which creates it.",
        )
        return
    yield from _consumers(group)
    waited = group.oldest_unread_age_seconds
    if waited is not None and waited > _LATE_S:
        least = "" if group.unread_is_exact else "At least "
        entries = counted(group.unread, "entry is", "entries are")
        yield (
            "lag",
            f"{least}{entries} unread, the oldest for {span(waited)}: check the log of `billie ingest`, or "
            "start another one.",
        )
    yield from _pending(group, settings)


def _consumers(group: report.GroupState) -> Findings:
    if any(consumer.idle_seconds < ALIVE_WITHIN_S for consumer in group.consumers):
        return
    if not group.idle_since_asking and group.consumers and not group.unread:
        return  # They may well be asking.
    latest = min(group.consumers, key=lambda each: each.idle_seconds, default=None)
    seen = f" ({latest.name} was last seen {span(latest.idle_seconds)} ago)" if latest else ""
    yield "no_consumer", f"No consumer is alive{seen}: start `billie ingest`."


def _pending(group: report.GroupState, settings: Settings) -> Findings:
    if (oldest := group.oldest_pending) is None:
        return
    if oldest.idle_seconds > taken_over_after_ms(settings) / 1e3:
        yield (
            "pending_idle",
            f"Entry {oldest.entry_id} was delivered to {oldest.consumer} {span(oldest.idle_seconds)} ago, is "
            "not acknowledged, and no other consumer took it over: is any `billie ingest` running?",
        )
    elif oldest.deliveries >= _MANY_DELIVERIES:
        yield (
            "pending_repeated",
            f"Entry {oldest.entry_id} is {span(oldest.age_seconds)} old and was delivered "
            f"{oldest.deliveries:,} times without success: check the log of `billie ingest`.",
        )


def _other_store(projections: list[report.ProjectionState]) -> Findings:
    for each in projections:
        if each.behind is not None and each.behind < 0:
            yield (
                "other_store",
                f"{each.name} is at position {each.position:,}, {-each.behind:,} beyond the end of the event "
                "store: it was built from another store. Check BILLIE_EVENT_STORE_URL and BILLIE_MONGO_DB.",
            )


def _faults(projections: list[report.ProjectionState]) -> Findings:
    for each in projections:
        if (still := each.standstill) is not None:
            since = f" since {still.since:%Y-%m-%d %H:%M} UTC" if still.since else ""
            yield (
                "projection_stalled",
                f"{each.name} is stuck at position {each.position:,}{since} ({still.cause}): {still.detail}. "
                "It retries by itself: fix the cause.",
            )
        if each.set_aside:
            first = each.set_aside[0]
            yield (
                "documents_set_aside",
                f"{counted(len(each.set_aside), 'document')} of {each.name} set aside, the first {first.id} "
                f"at position {first.position:,} ({first.event}: {first.error}): fix the cause, then run "
                f"`billie rebuild {each.name} --id {first.id}`, or `billie verify {each.name} --fix`.",
            )
        if each.version != each.current_version:
            yield (
                "projection_outdated",
                f"{each.name} was built by version {each.version}, and this release has version "
                f"{each.current_version}: run `billie rebuild {each.name}`.",
            )
        if each.rebuild is not None and each.rebuild.run_by is None and each.rebuild.phase != "swap":
            yield (
                "rebuild_unfinished",
                f"A rebuild of {each.name} stopped at position {each.rebuild.position:,}: run "
                f"`billie rebuild {each.name} --resume`, or --discard.",
            )


def _late(projections: list[report.ProjectionState]) -> Findings:
    late = [each for each in projections if (each.waiting_seconds or 0) > _LATE_S and each.standstill is None]
    stuck = [each for each in late if each.unmoved_seconds is None or each.unmoved_seconds > _LATE_S]
    if stuck:
        has = "has" if len(stuck) == 1 else "have"
        since = min((each.unmoved_seconds for each in stuck if each.unmoved_seconds), default=None)
        moved = "never moved" if since is None else f"not moved for {span(since)}"
        yield (
            "projection_stalled",
            f"{_behind(stuck)}, and {has} {moved}: is `billie project` running, and what does its log say?",
        )
    if moving := [each for each in late if each not in stuck]:
        yield "projection_late", f"{_behind(moving)}, but moving: check again in a minute."


def _behind(projections: list[report.ProjectionState]) -> str:
    """Which, and how far: in one sentence, since they mostly share one cause."""
    *others, last = [each.name for each in projections]
    names = f"{', '.join(others)} and {last} are up to" if others else f"{last} is"
    most = max(projections, key=lambda each: each.behind or 0)
    return f"{names} {counted(most.behind or 0, 'event')} ({span(most.waiting_seconds or 0)}) behind"


def _migrations(names: list[str]) -> Findings:
    if names:
        yield (
            "migrations_wait",
            f"MongoDB lacks validators or indexes ({', '.join(names)}): run `billie migrate`.",
        )


def _ledger(ledger: report.LedgerState) -> Findings:
    if ledger.status not in ("SERVING", NOT_OFFERED):
        yield "ledger_unwell", f"The ledger at {ledger.target} reports {ledger.status}: notify its operators."


def _dead_letters(inbox: report.InboxState) -> Findings:
    if total := inbox.dead_letters.total:
        yield "dead_letters", f"{counted(total, 'dead letter')}: see `billie dead-letters list`."


def _new_types(inbox: report.InboxState, status: report.Status) -> Findings:
    for each in inbox.unknown_types:
        if each.first_seen is not None and status.at - each.first_seen < _NEW_FOR:
            ago = span(max(0.0, (status.at - each.first_seen).total_seconds()))
            entries = counted(each.count, "entry", "entries")
            yield (
                "new_type",
                f"The message type {each.type} first came {ago} ago, and is not consumed ({entries} "
                "skipped): should it be?",
            )


def _quiet(inbox: report.InboxState, settings: Settings) -> Findings:
    if not (stream := inbox.stream).is_quiet:
        return
    usual = "" if stream.usual_gap_seconds is None else f" (usual: {span(stream.usual_gap_seconds)})"
    if settings.quiet_seconds is not None:
        usual = f" (BILLIE_QUIET_SECONDS: {span(settings.quiet_seconds)})"
    yield (
        "stream_quiet",
        f"Nothing was published for {span(stream.last_entry_age_seconds or 0)}{usual}: do the publishers "
        "still write to this stream? An empty backlog cannot show what never arrived.",
    )
