"""What is wrong with the pipeline, in sentences that say what to do: rules on its state, nothing else.

docs/operations.md has more on each.
"""

from collections.abc import Iterator
from datetime import timedelta

from app.ledger.client.health import NOT_OFFERED
from app.operations.status.inbox_state import left_lying_ms
from app.operations.status.report import Finding, GroupState, ProjectionState, Status
from app.runtime.humanize import counted, span
from app.runtime.settings.settings import Settings

ALIVE_WITHIN_S = 60.0
"""A consumer asks Redis twice a second; one whose event store hangs may take 40 s to ask again."""
_LATE_S = 60.0
_DELIVERED_OFTEN = 3
_NEW_FOR = timedelta(hours=24)
_LISTED = "GET /v1/ledger-commands?status=unknown lists them."


def findings(status: Status, settings: Settings) -> list[Finding]:
    """All that an operator should do something about, the most urgent first."""
    return [
        Finding(code=code, detail=detail)
        for rule in (
            _away,
            _money,
            _group,
            _projections,
            _migrations,
            _ledger,
            _dead_letters,
            _unknown_types,
            _quiet,
        )
        for code, detail in rule(status, settings)
    ]


Told = Iterator[tuple[str, str]]


def _away(status: Status, _settings: Settings) -> Told:
    for away in status.away:
        yield (
            "server_away",
            f"{away.server} does not answer: {away.error}. Is it up? Check {' and '.join(away.settings)}.",
        )


def _money(status: Status, settings: Settings) -> Told:
    money = status.read_models.money if status.read_models else None
    if money is None or (age := money.oldest_unknown_age_seconds) is None or age < _LATE_S:
        return
    commands = counted(money.unknown, "money command has", "money commands have")
    if age < settings.ledger_key_hours * 3_600:
        yield (
            "money_unknown",
            f"{commands} no known outcome, the oldest for {span(age)}: any running `billie api` sends "
            f"them again with their keys. Is one running, and does the ledger answer? {_LISTED}",
        )
    else:
        yield (
            "money_needs_a_person",
            f"{commands} no known outcome, the oldest for {span(age)}: the ledger has forgotten its key. "
            f"Look into the ledger's books, and settle it by hand. {_LISTED}",
        )


def _group(status: Status, settings: Settings) -> Told:
    if (inbox := status.inbox) is None:
        return
    if inbox.group is None:
        yield (
            "no_group",
            f"{inbox.stream.name} has no consumer group {settings.consumer_group}: start `billie ingest`, "
            "which makes it.",
        )
        return
    yield from _consumers(inbox.group)
    yield from _unread(inbox.group)
    yield from _pending(inbox.group, settings)


def _consumers(group: GroupState) -> Told:
    if any(consumer.idle_seconds < ALIVE_WITHIN_S for consumer in group.consumers):
        return
    if not group.idle_since_asking and group.consumers and not group.unread:
        return  # They may well be asking.
    latest = min(group.consumers, key=lambda each: each.idle_seconds, default=None)
    seen = f" ({latest.name} was last seen {span(latest.idle_seconds)} ago)" if latest else ""
    yield "no_consumer", f"No consumer is alive{seen}: start `billie ingest`."


def _unread(group: GroupState) -> Told:
    waited = group.oldest_unread_age_seconds
    if waited is not None and waited > _LATE_S:
        least = "" if group.unread_is_exact else "At least "
        entries = counted(group.unread, "entry is", "entries are")
        yield (
            "lag",
            f"{least}{entries} unread, the oldest for {span(waited)}: read the log of "
            "`billie ingest`, or start one more.",
        )


def _pending(group: GroupState, settings: Settings) -> Told:
    if (oldest := group.oldest_pending) is None:
        return
    if oldest.idle_seconds > left_lying_ms(settings) / 1e3:
        yield (
            "pending_idle",
            f"Entry {oldest.entry_id} was given to {oldest.consumer} {span(oldest.idle_seconds)} ago and is "
            "not done, and nobody took it over: is any `billie ingest` running?",
        )
    elif oldest.deliveries >= _DELIVERED_OFTEN:
        yield (
            "pending_repeated",
            f"Entry {oldest.entry_id} is {span(oldest.age_seconds)} old and was delivered "
            f"{oldest.deliveries:,} times without success: read the log of `billie ingest`.",
        )


def _projections(status: Status, _settings: Settings) -> Told:
    projections = status.read_models.projections if status.read_models else []
    for projection in projections:
        if (projection.behind or 0) < 0:
            yield (
                "another_store",
                f"{projection.name} has come to position {projection.position:,}, and the event store ends "
                f"{-(projection.behind or 0):,} before that: it is another store. "
                "Check BILLIE_EVENT_STORE_URL and BILLIE_MONGO_DB.",
            )
    yield from _faults(projections)
    late = [each for each in projections if (each.waiting_seconds or 0) > _LATE_S and each.standstill is None]
    standing = [each for each in late if each.unmoved_seconds is None or each.unmoved_seconds > _LATE_S]
    if standing:
        has = "has" if len(standing) == 1 else "have"
        since = min((each.unmoved_seconds for each in standing if each.unmoved_seconds), default=None)
        moved = "never moved" if since is None else f"not moved for {span(since)}"
        yield (
            "projection_stands",
            f"{_behind(standing)}, and {has} {moved}: is `billie project` running, and what does its log "
            "say?",
        )
    if moving := [each for each in late if each not in standing]:
        yield "projection_late", f"{_behind(moving)}, and moving: look again in a minute."


def _faults(projections: list[ProjectionState]) -> Told:
    for each in projections:
        if (still := each.standstill) is not None:
            since = f" since {still.since:%Y-%m-%d %H:%M} UTC" if still.since else ""
            yield (
                "projection_stands",
                f"{each.name} stands at position {each.position:,}{since} ({still.cause}): {still.detail}. "
                "It tries again by itself: mend what it names.",
            )
        if each.set_aside:
            first = each.set_aside[0]
            yield (
                "documents_set_aside",
                f"{counted(len(each.set_aside), 'document')} of {each.name} cannot follow, the first "
                f"{first.id} at position {first.position:,} ({first.event}: {first.error}): mend what fails, "
                f"then `billie rebuild {each.name} --id {first.id}`, or `billie verify {each.name} --fix`.",
            )
        if each.version != each.current_version:
            yield (
                "projection_outdated",
                f"{each.name} was folded by version {each.version}, and this release has version "
                f"{each.current_version}: `billie rebuild {each.name}`.",
            )
        if each.rebuild is not None and each.rebuild.run_by is None and each.rebuild.phase != "swap":
            yield (
                "rebuild_unfinished",
                f"A rebuild of {each.name} is unfinished, at position {each.rebuild.position:,}: "
                f"`billie rebuild {each.name} --resume`, or --discard.",
            )


def _behind(projections: list[ProjectionState]) -> str:
    """Which, and how far: all of them in one sentence, as they mostly share one reason."""
    *others, last = [each.name for each in projections]
    names = f"{', '.join(others)} and {last} are up to" if others else f"{last} is"
    most = max(projections, key=lambda each: each.behind or 0)
    return f"{names} {counted(most.behind or 0, 'event')} ({span(most.waiting_seconds or 0)}) behind"


def _migrations(status: Status, _settings: Settings) -> Told:
    if status.read_models and (names := status.read_models.waiting_migrations):
        lacks = ", ".join(names)
        yield (
            "migrations_wait",
            f"MongoDB lacks validators or indexes ({lacks}): `billie migrate`.",
        )


def _ledger(status: Status, _settings: Settings) -> Told:
    if (ledger := status.ledger) is not None and ledger.status not in ("SERVING", NOT_OFFERED):
        yield (
            "ledger_unwell",
            f"The ledger at {ledger.target} says {ledger.status} of itself: tell those who run it.",
        )


def _dead_letters(status: Status, _settings: Settings) -> Told:
    if status.inbox and (total := status.inbox.dead_letters.total):
        yield "dead_letters", f"{counted(total, 'dead letter')}: `billie dead-letters list`."


def _unknown_types(status: Status, _settings: Settings) -> Told:
    for kind in status.inbox.unknown_types if status.inbox else ():
        if kind.first_seen is not None and status.at - kind.first_seen < _NEW_FOR:
            ago = span(max(0.0, (status.at - kind.first_seen).total_seconds()))
            yield (
                "new_type",
                f"{kind.type} first came {ago} ago, and is not consumed "
                f"({counted(kind.count, 'entry', 'entries')} passed over): should it be?",
            )


def _quiet(status: Status, settings: Settings) -> Told:
    if status.inbox is None or not (stream := status.inbox.stream).is_quiet:
        return
    usual = "" if stream.usual_gap_seconds is None else f" (usual: {span(stream.usual_gap_seconds)})"
    if settings.quiet_seconds is not None:
        usual = f" (BILLIE_QUIET_SECONDS: {span(settings.quiet_seconds)})"
    yield (
        "stream_quiet",
        f"Nothing new was published for {span(stream.last_entry_age_seconds or 0)}{usual}: do the publishers "
        "still write to this stream? That all is read and folded says nothing of what did not come.",
    )
