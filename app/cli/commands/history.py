"""``billie history``: the events of one aggregate, or the document as it was."""

import json
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from app.cli.terminal.configured import settings_for
from app.errors import BillieError, UsageError
from app.event_store.application import Servicing
from app.operations.history import KINDS, HistoryEvent, history
from app.runtime.settings.settings import Settings


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        msg = "a time such as 2026-03-01T00:00:00Z, or a day"
        raise typer.BadParameter(msg) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def command(
    kind: Annotated[str, typer.Argument(help=f"One of: {', '.join(KINDS)}.")],
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Its upstream identifier.")],
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Show the document as it was then; UTC unless it has a zone."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON an event.")] = False,
) -> None:
    """Show all events of one customer, account, chat, note, request or command, oldest first."""
    moment = _moment(as_of)
    if kind not in KINDS:
        raise UsageError(f"No kind {kind}: there are {', '.join(KINDS)}")
    aggregate, read_model = KINDS[kind]
    settings = settings_for("history")
    with closing(Servicing.of(settings)) as servicing:
        if moment is None:
            events = history(servicing, aggregate, identifier)
            lines = [each.model_dump_json(by_alias=True) if as_json else _line(each) for each in events]
        else:
            document = _document(servicing, settings, read_model, identifier, moment)
            lines = [] if document is None else [_text(document, indent=None if as_json else 2)]
    if not lines:
        then = f" by {moment:%Y-%m-%d %H:%M:%S %Z}" if moment else ""
        raise BillieError(f"No events of {kind} {identifier}{then}")
    for line in lines:
        typer.echo(line)


def _document(
    servicing: Servicing, settings: Settings, read_model: str, identifier: str, moment: datetime
) -> dict[str, Any] | None:
    # Imported here: the read models load slowly, and the events of an aggregate need none.
    from app.projections.engine.reading import EventReader
    from app.projections.read_models.catalogue import all_projections
    from app.projections.rebuild.one_document import document_as_of

    projection = all_projections(settings)[read_model]
    reader = EventReader(servicing, projection.topics(), read_model)
    return document_as_of(projection, reader, identifier, moment)


def _line(event: HistoryEvent) -> str:
    facts = ", ".join(f"{name} {_text(value)}" for name, value in event.facts.items())
    by = f" by {event.actor.id}" if event.actor else ""
    return (
        f"{event.position:>8}  {event.recorded_at:%Y-%m-%d %H:%M:%S}  {event.event}{by}"
        f"{': ' if facts else ''}{facts}  [{event.source.message_id}]"
    )


def _text(value: Any, indent: int | None = None) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        value = {name: each for name, each in value.items() if name == "_id" or not str(name).startswith("_")}
    return json.dumps(value, default=str, ensure_ascii=False, indent=indent)
