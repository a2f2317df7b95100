"""``billie reconcile``: after the event store was restored to an earlier time."""

import os
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from bson import json_util
from eventsourcing.persistence import OperationalError

from app.cli.terminal.configured import AsJson, settings_for
from app.errors import BillieError, UsageError
from app.event_store.application import Servicing
from app.event_store.copies.endpoints import file_of, is_store
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.parsers import load_parsers
from app.ingestion.stream.consumer import connect
from app.ingestion.stream.stream_info import group_info
from app.operations.reconcile import Reconciliation, reconcile
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
    as_json: AsJson = False,
) -> None:
    """Show what documents, stream and ledger know that the event store does not. Exit 1 if there is anything.

    For a store that was restored to an earlier time. Run it with all roles stopped.
    """
    settings, parsers = settings_for("reconcile"), load_parsers(CATALOGUE)
    if not is_store(url := settings.event_store_url):  # A new one would have all documents beyond it.
        raise OperationalError(f"there is no event store in {file_of(url) or 'the database'}")
    with mongo_client(settings) as mongo, connect(settings) as redis:
        database, projections = mongo[settings.mongo_db], all_projections(settings)
        with closing(Servicing.of(settings)) as servicing:
            found = reconcile(servicing, database, redis, settings, parsers)
        text, forgets = found.lines(), forget_documents and found.has_other_documents
        if forgets:
            _refuse_to_lose(found, save)
            forgetting.refuse_if_in_use(database, projections)
        if save is not None:
            _save(save, found)
            text.append(f"Saved to {save}: it may hold personal data.")
        if replay:
            # Without a group, the first consumer creates one at the beginning of the stream.
            if group_info(redis, settings.inbox_stream, settings.consumer_group) is not None:
                redis.xgroup_setid(settings.inbox_stream, settings.consumer_group, "0")
            text.append("The stream is read again: start `billie ingest`, and wait until nothing is pending.")
        if forgets:
            forgetting.forget_documents(database, projections)
            text.append("The read models are empty: start `billie project`.")
        elif forget_documents:
            text.append("All documents are of this store: the read models are unchanged.")
    typer.echo(found.model_dump_json(by_alias=True) if as_json else "\n".join(text))
    if not found.is_complete:
        raise typer.Exit(1)


def _save(path: Path, found: Reconciliation) -> None:
    """On the disk, for its owner alone, before any document is removed."""
    lines: list[dict[str, Any]] = [{"eraseAgain": name} for name in found.not_erased]
    lines += [
        {"readModel": each.read_model, "ledger": each.ledger, "document": each.document}
        for each in found.only_shown
    ]
    try:
        with open(path, "x", encoding="utf-8", opener=partial(os.open, mode=0o600)) as file:
            file.writelines(json_util.dumps(line) + "\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.filename is None:  # Writing failed, not opening.
            path.unlink()
        why = f"{error.strerror}, and --save names a new file that can be written"
        raise UsageError(f"{path}: {why}. Nothing was changed") from error


def _refuse_to_lose(found: Reconciliation, save: Path | None) -> None:
    if not found.newest_position:
        raise BillieError("The event store holds no event to rebuild from. Check BILLIE_EVENT_STORE_URL")
    if (lost := len(found.only_shown) + len(found.not_erased)) and save is None:
        raise UsageError(f"{counted(lost, 'document')} would be lost: --save FILE keeps them")
