"""``billie reconcile``: after the event store was restored to an earlier time."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from bson import json_util
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app.aggregates import EVENT_STORE_ERRORS, Servicing
from app.cli.configured import settings_for
from app.cli.unreachable import unreachable
from app.ingestion.consumer import connect
from app.ledger.configured import configured_client
from app.operations import reconcile
from app.operations.reconcile import OnlyShown, Reconciliation
from app.operations.words import counted
from app.projections.catalogue import all_projections
from app.projections.runner import mongo_client
from app.runtime.settings import Settings

_MOST_NAMED = 10


def command(
    replay: Annotated[
        bool, typer.Option("--replay", help="Have `billie ingest` read all again that the stream holds.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(help="Write what only documents show into a new file, a line of JSON each. Mind it."),
    ] = None,
    forget_documents: Annotated[
        bool,
        typer.Option(
            "--forget-documents", help="Empty the read models: `billie project` folds this store anew."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for a script.")] = False,
) -> None:
    """Say what documents, stream and ledger know that the event store does not. Exit 1 if there is anything.

    For when it was restored to an earlier time. Run it with all roles stopped.
    """
    settings = settings_for("reconcile")
    projections = all_projections(settings)
    with mongo_client(settings) as mongo, connect(settings) as redis:
        database = mongo[settings.mongo_db]
        try:
            with closing(Servicing.from_url(settings.event_store_url, masters=settings.masters)) as servicing:
                found = Reconciliation(servicing.max_position())
                found.ahead = list(reconcile.read_models_ahead(servicing, database, projections))
                found.only_shown = list(reconcile.only_shown(servicing, database))
                found.not_erased = reconcile.not_erased(servicing, database)
                reconcile.look_at_stream(servicing, redis, settings, found)
            asyncio.run(_ask_ledger(settings, found.only_shown))
            if save is not None:
                _save(save, found)
            if replay:
                reconcile.replay_stream(redis, settings)
            if forget_documents:
                _refuse_to_lose(found, save)
                reconcile.forget_documents(database, projections)
        except (*EVENT_STORE_ERRORS, PyMongoError, RedisError) as error:
            names = ("BILLIE_EVENT_STORE_URL", "BILLIE_MONGO_URL", "BILLIE_REDIS_URL")
            raise unreachable(error, *names) from error
    typer.echo(json.dumps(found.plain()) if as_json else "\n".join(_told(found)))
    if not as_json:
        _tell_of(save, replay=replay, forgotten=forget_documents)
    if not found.is_whole:
        raise typer.Exit(1)


async def _ask_ledger(settings: Settings, lost: Sequence[OnlyShown]) -> None:
    if any(each.projection == "ledger-commands" for each in lost):
        ledger = configured_client(settings)
        try:
            await reconcile.ask_ledger(ledger, lost)
        finally:
            await ledger.close()


def _save(path: Path, found: Reconciliation) -> None:
    try:
        with path.open("x") as file:
            for each in found.only_shown:
                told = {"readModel": each.projection, "ledger": each.ledger, "document": each.document}
                file.write(json_util.dumps(told) + "\n")
            for name in found.not_erased:
                file.write(json.dumps({"eraseAgain": name}) + "\n")
    except OSError as error:
        typer.echo(f"{path}: {error.strerror}.", err=True)
        raise typer.Exit(2) from error


def _refuse_to_lose(found: Reconciliation, save: Path | None) -> None:
    if (lost := len(found.only_shown) + len(found.not_erased)) and save is None:
        typer.echo(
            f"What {counted(lost, 'document')} alone can tell would be gone: --save FILE keeps it.",
            err=True,
        )
        raise typer.Exit(2)


def _told(found: Reconciliation) -> list[str]:
    lines = [f"The event store ends at position {found.newest:,}."]
    lines += [
        f"{each.projection} has come to position {each.position:,}, "
        f"{counted(each.documents, 'document')} beyond the store"
        for each in found.ahead
    ]
    lines += [
        f"The stream holds {counted(found.on_stream, 'message')}: {found.unread:,} are yet to be read, "
        f"{found.taken_and_lost:,} were acknowledged and are not in the store"
    ]
    for each in found.only_shown[:_MOST_NAMED]:
        lines.append(f"{each.projection} {each.document['_id']} {_differs(each)}")
    if (more := len(found.only_shown) - _MOST_NAMED) > 0:
        lines.append(f"… and {counted(more, 'other document')}: --save FILE has all")
    lines += [
        f"customer {name} was erased, and can be read again: erase them again" for name in found.not_erased
    ]
    return [
        *lines,
        "Nothing is beyond the store." if found.is_whole else "docs/operations.md has what to do.",
    ]


def _differs(each: OnlyShown) -> str:
    ledger = f"; the ledger: {each.ledger}" if each.ledger else ""
    if each.stored is None:
        return f"is in documents only{ledger}"
    return f"is {each.document['status']} in documents, and {each.stored} in the store{ledger}"


def _tell_of(save: Path | None, *, replay: bool, forgotten: bool) -> None:
    if save is not None:
        typer.echo(f"Saved to {save}: it may hold personal data.")
    if replay:
        typer.echo(
            "The group begins anew: start `billie ingest`, and wait until nothing is unread or pending."
        )
    if forgotten:
        typer.echo("The read models are empty: start `billie project`.")
