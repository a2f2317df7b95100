"""The pipeline's state as a page for a terminal: a block a server, what is wrong at the end."""

import textwrap
from collections.abc import Iterator, Sequence

from app.operations.status import report
from app.runtime.humanize import counted, span

_PROBLEM = textwrap.TextWrapper(100, "  - ", "    ", break_on_hyphens=False, break_long_words=False)
_MOST_TYPES = 10

Row = tuple[str, ...]


def page(status: report.Status) -> str:
    """The whole page. A server that is away has no block: the problems name it."""
    build = status.build
    blocks = (
        [
            f"Billie Servicing {build.version}, Python {build.python}, eventsourcing {build.eventsourcing}; "
            f"{status.at:%Y-%m-%d %H:%M:%S} UTC"
        ],
        _inbox(status.inbox, status) if status.inbox else [],
        [
            *(_event_store(status.event_store) if status.event_store else ()),
            *(_read_models(status.read_models) if status.read_models else ()),
        ],
        [f"Ledger         {status.ledger.target}  {status.ledger.status}"] if status.ledger else [],
        _problems(status),
    )
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _read_models(models: report.ReadModelsState) -> list[str]:
    rebuilds = [(each.name, each.rebuild) for each in models.projections]
    return [
        *_table("Projections", [_projection(each) for each in models.projections]),
        *_table("Rebuilds", [_rebuild(name, each) for name, each in rebuilds if each is not None]),
        *_table("Money", [(line,) for line in _money(models.money)]),
    ]


def _money(money: report.MoneyState) -> Iterator[str]:
    if money.unknown:
        oldest = _ago(", the oldest", money.oldest_unknown_age_seconds)
        yield f"{money.unknown:,} unknown{oldest}: GET /v1/ledger-commands?status=unknown"
    if money.awaiting_approval:
        await_it = counted(money.awaiting_approval, "awaits", "await")
        yield f"{await_it} approval: GET /v1/ledger-commands?approval=pending"
    if money.irregular_write_offs:
        write_offs = counted(money.irregular_write_offs, "write-off")
        yield f"{write_offs} posted against a rule: GET /v1/write-off-requests?irregular=RULE"


def _inbox(inbox: report.InboxState, status: report.Status) -> list[str]:
    stream = inbox.stream
    entries = counted(stream.length, "entry", "entries") + _ago(", the last", stream.last_entry_age_seconds)
    if stream.is_quiet:
        entries += ": longer than usual"
    lines = [f"Stream         {stream.name}  {entries}"]
    if inbox.group is not None:
        lines += _group(inbox.group)
    letters = inbox.dead_letters
    reasons = ": " if letters.by_reason else ""
    reasons += ", ".join(f"{reason} {count:,}" for reason, count in letters.by_reason.items())
    if letters.counted < letters.total:
        reasons += f" among the oldest {letters.counted:,}"
    oldest = _ago("; the oldest", letters.oldest_age_seconds)
    lines.append(f"Dead letters   {letters.stream}  {letters.total:,}{reasons}{oldest}")
    lines += _table("Unknown types", [_unknown(kind, status) for kind in inbox.unknown_types[:_MOST_TYPES]])
    if (more := len(inbox.unknown_types) - _MOST_TYPES) > 0:
        lines.append(f"               and {more:,} more")
    for title, fields in (("Unreadable", inbox.dropped_values), ("Clock ahead", inbox.clocks_ahead)):
        lines += _table(title, [(each.field, counted(each.count, "time")) for each in fields])
    return lines


def _group(group: report.GroupState) -> list[str]:
    read = "" if group.entries_read is None else f"  {group.entries_read:,} read"
    least = "" if group.unread_is_exact else "at least "
    waited = group.oldest_unread_age_seconds
    unread = f"{least}{group.unread:,}{'' if waited is None else f', the oldest {span(waited)}'}"
    pending = f"{group.pending:,}"
    if (oldest := group.oldest_pending) is not None:
        pending += (
            f", the oldest {span(oldest.age_seconds)}, delivered {counted(oldest.deliveries, 'time')}, "
            f"last {span(oldest.idle_seconds)} ago to {oldest.consumer}"
        )
    consumers = [
        (consumer.name, f"{consumer.pending:,} pending", f"seen {span(consumer.idle_seconds)} ago")
        for consumer in group.consumers
    ]
    return [
        f"Group          {group.name}{read}",
        f"Unread         {unread}",
        f"Pending        {pending}",
        *_table("Consumers", consumers),
    ]


def _unknown(kind: report.UnknownType, status: report.Status) -> Row:
    seen = [
        f"{word} {span(max(0.0, (status.at - at).total_seconds()))} ago"
        for word, at in (("first", kind.first_seen), ("last", kind.last_seen))
        if at is not None
    ]
    return (kind.type or "(no name)", counted(kind.count, "entry", "entries"), ", ".join(seen))


def _event_store(store: report.EventStoreState) -> list[str]:
    if not store.is_created:
        return ["Event store    not created"]
    newest = _ago(", the newest", store.newest_event_age_seconds)
    return [f"Event store    at {store.newest_position:,}{newest}"]


def _projection(projection: report.ProjectionState) -> Row:
    behind = "" if projection.behind is None else f"{projection.behind:,} behind"
    if projection.waiting_seconds is not None:
        behind += f" ({span(projection.waiting_seconds)})"
    moved = projection.unmoved_seconds
    return (
        projection.name,
        f"at {projection.position:,}",
        behind,
        "never moved" if moved is None else f"moved {span(moved)} ago",
        "" if projection.run_by is None else f"by {projection.run_by}",
    )


def _rebuild(name: str, rebuild: report.RebuildState) -> Row:
    of = f" of {rebuild.newest:,}" if rebuild.newest else ""
    by = "unfinished" if rebuild.run_by is None else f"by {rebuild.run_by}"
    return name, rebuild.phase.replace("_", " "), f"at {rebuild.position:,}{of}", by


def _ago(before: str, seconds: float | None) -> str:
    return "" if seconds is None else f"{before} {span(seconds)} ago"


def _problems(status: report.Status) -> list[str]:
    if not status.problems:
        return ["All well."]
    return ["Problems", *(_PROBLEM.fill(problem.detail) for problem in status.problems)]


def _table(title: str, rows: Sequence[Row]) -> list[str]:
    """Rows in columns, the title before the first."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{'' if number else title:<15}"
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for number, row in enumerate(rows)
    ]
