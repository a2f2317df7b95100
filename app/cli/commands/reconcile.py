"""``billie reconcile``: after the event store was restored to an earlier time."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from bson import json_util
from pymongo.database import Database
from pymongo.errors import PyMongoError
from redis import Redis
from redis.exceptions import RedisError

from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.event_store.application import Servicing
from app.event_store.copies.endpoints import file_of, is_store
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.parsers import Parsers, load_parsers
from app.ingestion.stream.consumer import connect
from app.ledger.client.channel import LedgerSettingsError
from app.ledger.client.configured import configured_client
from app.operations.reconcile import reconcile
from app.operations.reconcile.reconcile import OnlyShown, Reconciliation
from app.projections.engine.projection import Projection
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild import forget as forgetting
from app.runtime.humanize import counted
from app.runtime.servers.clients import mongo_client
from app.runtime.settings.settings import Settings

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
    projections, parsers = all_projections(settings), load_parsers(CATALOGUE)
    with mongo_client(settings) as mongo, connect(settings) as redis:
        database = mongo[settings.mongo_db]
        try:
            _refuse_no_store(settings)
            found = _look(settings, database, redis, projections, parsers)
            forgets = forget_documents and found.has_other_documents
            if forgets:
                _refuse_to_lose(found, save)
                _refuse_at_work(database, projections)
            if save is not None:
                _save(save, found)
            if replay:
                reconcile.replay_stream(redis, settings)
            if forgets:
                forgetting.forget_documents(database, projections)
        except LedgerSettingsError as error:
            typer.echo(f"{error}.", err=True)
            raise typer.Exit(2) from error
        except EVENT_STORE_ERRORS as error:
            raise unreachable(error, "BILLIE_EVENT_STORE_URL") from error
        except PyMongoError as error:
            raise unreachable(error, "BILLIE_MONGO_URL") from error
        except RedisError as error:
            raise unreachable(error, "BILLIE_REDIS_URL") from error
    typer.echo(json.dumps(found.plain()) if as_json else "\n".join(_told(found)))
    if not as_json:
        _tell_of(save, replay=replay, forget=forget_documents, forgotten=forgets)
    if not found.is_whole:
        raise typer.Exit(1)


def _refuse_no_store(settings: Settings) -> None:
    """One made just now would have all documents beyond it."""
    if not is_store(settings.event_store_url):
        place = file_of(settings.event_store_url) or "the database"
        typer.echo(
            f"There is no event store in {place}: look at BILLIE_EVENT_STORE_URL. "
            "`billie backup restore` makes one of a backup.",
            err=True,
        )
        raise typer.Exit(3)


def _look(
    settings: Settings,
    database: Database[dict[str, Any]],
    redis: Redis,
    projections: Mapping[str, Projection],
    parsers: Parsers,
) -> Reconciliation:
    with closing(Servicing.of(settings)) as servicing:
        found = Reconciliation(servicing.max_position())
        found.ahead = list(reconcile.read_models_ahead(servicing, database, projections))
        found.only_shown = list(reconcile.only_shown(servicing, database))
        found.not_erased = reconcile.not_erased(servicing, database)
        reconcile.look_at_stream(servicing, redis, settings, found, parsers)
    asyncio.run(_ask_ledger(settings, found.only_shown))
    return found


async def _ask_ledger(settings: Settings, lost: Sequence[OnlyShown]) -> None:
    if any(each.projection == "ledger-commands" for each in lost):
        ledger = configured_client(settings)
        try:
            await reconcile.ask_ledger(ledger, lost)
        finally:
            await ledger.close()


def _save(path: Path, found: Reconciliation) -> None:
    """On the disk, for its owner alone, before any document is let go."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        typer.echo(f"{path} is there already: --save names a new file.", err=True)
        raise typer.Exit(2) from error
    except OSError as error:
        typer.echo(f"{path}: {error.strerror}.", err=True)
        raise typer.Exit(2) from error
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            for each in found.only_shown:
                told = {"readModel": each.projection, "ledger": each.ledger, "document": each.document}
                file.write(json_util.dumps(told) + "\n")
            for name in found.not_erased:
                file.write(json.dumps({"eraseAgain": name}) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink()
        typer.echo(f"{path}: {error.strerror}. Nothing was changed.", err=True)
        raise typer.Exit(2) from error


def _refuse_to_lose(found: Reconciliation, save: Path | None) -> None:
    if not found.newest:
        typer.echo(
            "The event store holds no event: what the documents hold could not be folded again. Look at "
            "BILLIE_EVENT_STORE_URL.",
            err=True,
        )
        raise typer.Exit(1)
    if (lost := len(found.only_shown) + len(found.not_erased)) and save is None:
        typer.echo(
            f"What {counted(lost, 'document')} alone can tell would be gone: --save FILE keeps it.",
            err=True,
        )
        raise typer.Exit(2)


def _refuse_at_work(database: Database[dict[str, Any]], projections: Mapping[str, Projection]) -> None:
    if roles := forgetting.at_work(database, projections):
        typer.echo(
            f"At work on the documents: {'; '.join(roles)}. Stop all roles, and do it again.",
            err=True,
        )
        raise typer.Exit(1)


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
    if found.unreadable:
        lines.append(
            f"{counted(found.unreadable, 'message')} cannot be read: is a package missing that parses them?"
        )
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


def _tell_of(save: Path | None, *, replay: bool, forget: bool, forgotten: bool) -> None:
    if save is not None:
        typer.echo(f"Saved to {save}: it may hold personal data.")
    if replay:
        typer.echo(
            "The group begins anew: start `billie ingest`, and wait until nothing is unread or pending."
        )
    if forgotten:
        typer.echo("The read models are empty: start `billie project`.")
    elif forget:
        typer.echo("All documents are of this store: the read models are left as they are.")
