"""``billie reconcile``: after the event store was restored to an earlier time."""

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from bson import json_util
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app.cli.terminal.configured import settings_for
from app.cli.terminal.errors import unreachable
from app.event_store.application import Servicing
from app.event_store.copies.endpoints import file_of, is_store
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.parsers import load_parsers
from app.ingestion.stream.consumer import connect
from app.ledger.client.security import LedgerSettingsError
from app.operations.reconcile import reconcile
from app.operations.reconcile.reconciliation import Reconciliation
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild import forget as forgetting
from app.runtime.humanize import counted
from app.runtime.servers.clients import mongo_client


def command(
    replay: Annotated[
        bool, typer.Option("--replay", help="Have `billie ingest` read the stream again.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(help="Write what only documents show into a new file, as lines of JSON.")
    ] = None,
    forget_documents: Annotated[
        bool,
        typer.Option("--forget-documents", help="Empty the read models: `billie project` rebuilds them."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for a script.")] = False,
) -> None:
    """Say what documents, stream and ledger know that the event store does not. Exit 1 if there is anything.

    For a store that was restored to an earlier time. Run it with all roles stopped.
    """
    settings = settings_for("reconcile")
    projections, parsers = all_projections(settings), load_parsers(CATALOGUE)
    with mongo_client(settings) as mongo, connect(settings) as redis:
        database = mongo[settings.mongo_db]
        try:
            if not is_store(settings.event_store_url):  # A new one would have all documents beyond it.
                place = file_of(settings.event_store_url) or "the database"
                _refuse(3, f"There is no event store in {place}: look at BILLIE_EVENT_STORE_URL.")
            with closing(Servicing.of(settings)) as servicing:
                found = Reconciliation(
                    newest_position=servicing.max_position(),
                    ahead=list(reconcile.read_models_ahead(servicing, database, projections)),
                    only_shown=list(reconcile.only_shown(servicing, database, settings)),
                    not_erased=reconcile.not_erased(servicing, database),
                    stream=reconcile.look_at_stream(servicing, redis, settings, parsers),
                )
            forgets = forget_documents and found.has_other_documents
            if forgets:
                _refuse_to_lose(found, save)
                if roles := forgetting.at_work(database, projections):
                    _refuse(
                        1, f"At work on the documents: {'; '.join(roles)}. Stop all roles, and try again."
                    )
            if save is not None:
                _save(save, found)
            if replay:
                reconcile.replay_stream(redis, settings)
            if forgets:
                forgetting.forget_documents(database, projections)
        except LedgerSettingsError as error:
            _refuse(2, f"{error}.")
        except EVENT_STORE_ERRORS as error:
            raise unreachable(error, "BILLIE_EVENT_STORE_URL") from error
        except PyMongoError as error:
            raise unreachable(error, "BILLIE_MONGO_URL") from error
        except RedisError as error:
            raise unreachable(error, "BILLIE_REDIS_URL") from error
    text = found.lines()
    if save is not None:
        text.append(f"Saved to {save}: it may hold personal data.")
    if replay:
        text.append("The group reads all again: start `billie ingest`, and wait until nothing is pending.")
    if forgets:
        text.append("The read models are empty: start `billie project`.")
    elif forget_documents:
        text.append("All documents are of this store: the read models are left as they are.")
    typer.echo(found.model_dump_json(by_alias=True) if as_json else "\n".join(text))
    if not found.is_complete:
        raise typer.Exit(1)


def _save(path: Path, found: Reconciliation) -> None:
    """On the disk, for its owner alone, before any document is removed."""
    lines = [
        {"readModel": each.read_model, "ledger": each.ledger, "document": each.document}
        for each in found.only_shown
    ]
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        why = "it exists, and --save names a new file" if path.is_file() else error.strerror
        _refuse(2, f"{path}: {why}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.writelines(json_util.dumps(line) + "\n" for line in lines)
            file.writelines(json.dumps({"eraseAgain": name}) + "\n" for name in found.not_erased)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink()
        _refuse(2, f"{path}: {error.strerror}. Nothing was changed.")


def _refuse_to_lose(found: Reconciliation, save: Path | None) -> None:
    if not found.newest_position:
        _refuse(1, "The event store holds no event to rebuild from. Check BILLIE_EVENT_STORE_URL.")
    if (lost := len(found.only_shown) + len(found.not_erased)) and save is None:
        _refuse(2, f"{counted(lost, 'document')} would be lost: --save FILE keeps what only they tell.")


def _refuse(code: int, why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(code)
