"""Events that a newer release has stored, in a rolling deployment: each route says so, and it is no 500."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings
from tests.support.api.money import client_of
from tests.support.api.notes import NOTE
from tests.support.api.serving import serving
from tests.support.data.erasing import know
from tests.support.roles import project
from tests.support.servers.event_stores import NewStore, events_table, execute

COMMAND = "/v1/ledger-commands/L1"
READS = (
    *("/v1/conversations/L1/utterances", "/v1/conversations/L1/noticeboard", "/v1/conversations/L1/history"),
    *(COMMAND, f"{COMMAND}/history", "/v1/customers/C1/history"),
)


@pytest.fixture(scope="module")
def client(
    shared_settings: Settings, shared_db: Database[dict[str, Any]], new_store: NewStore
) -> Iterator[httpx.Client]:
    """Of an API of this release. Each aggregate has an event of a type that this release does not know."""
    settings = shared_settings.model_copy(update={"event_store_url": new_store()})
    list(migrate(shared_db))
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        know(servicing, "C1", "L1")
    project(settings, drain=True)
    url = settings.event_store_url
    newest = f"originator_version = (SELECT MAX(b.originator_version) FROM {events_table(url)} b"
    execute(
        url,
        f"UPDATE {events_table(url)} SET topic = topic || 'FromTheFuture' "
        f"WHERE {newest} WHERE b.originator_id = {events_table(url)}.originator_id)",
    )
    with serving(settings) as base, client_of(base, settings, "admin", "eve") as client:
        yield client


def status_and_code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.parametrize("path", READS)
def test_reads_of_an_unreadable_event_are_reported(client: httpx.Client, path: str) -> None:
    assert status_and_code(client.get(path)) == (503, "history_unreadable")


def test_writes_to_an_unreadable_aggregate_are_refused(client: httpx.Client) -> None:
    amended = client.post("/v1/notes/L1-note/amendments", json={"content": "More."})
    assert status_and_code(amended) == (503, "history_unreadable")
    written = client.post("/v1/customers/C1/notes", json=NOTE)
    assert status_and_code(written) == (503, "history_unreadable")
    assert status_and_code(client.post("/v1/write-off-requests/L1/cancel")) == (503, "history_unreadable")


def test_a_write_off_request_is_shown_as_it_was_projected(client: httpx.Client) -> None:
    """As it is while the store is away."""
    answer = client.get("/v1/write-off-requests/L1")
    assert (answer.status_code, answer.json()["status"]) == (200, "rejected")
