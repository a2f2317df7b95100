"""The reported changes are the differences: for all events, read in any pages."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from app.event_store.application import Servicing
from app.projections.engine.changes import ChangeReader
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from tests.support.data.given import absorb
from tests.support.data.mock_mongo import Database
from tests.support.data.random_events import documents, happenings

PROJECTIONS = all_projections(Settings())


def current_documents(name: str, servicing: Servicing, database: Database) -> dict[str, dict[str, Any]]:
    engine = Projector(PROJECTIONS[name], servicing, database)  # type: ignore[arg-type]
    while engine.step():
        pass
    return documents(PROJECTIONS[name], database)


def reader(name: str, servicing: Servicing, database: Database) -> ChangeReader:
    return ChangeReader(PROJECTIONS[name], servicing, database)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", PROJECTIONS)
def test_every_document_that_differs_is_reported(name: str, seed: int) -> None:
    servicing, database, chance = Servicing.in_memory(), Database(), Random(seed)
    news = list(happenings(chance, 120))
    before, reached = current_documents(name, servicing, database), 0
    while news:
        count = chance.randint(1, 12)
        for each in news[:count]:
            absorb(servicing, [each])
        del news[:count]
        after = current_documents(name, servicing, database)
        newest = servicing.max_position()
        page = reader(name, servicing, database).page(reached, newest)
        assert page.reached == newest
        differ = {each for each in after if after[each] != before.get(each)}
        changed = [each.id for each in page.found]
        assert differ <= set(changed)
        assert len(changed) == len(set(changed))
        assert all(reached < each.position <= newest for each in page.found)
        assert [each.position for each in page.found] == sorted(each.position for each in page.found)
        before, reached = after, newest


@pytest.mark.parametrize("name", PROJECTIONS)
def test_every_document_is_reported_from_the_beginning_long_after(name: str) -> None:
    """The projection has gone on since: what it keeps is a later form."""
    servicing, database = Servicing.in_memory(), Database()
    for each in happenings(Random(7), 200):
        absorb(servicing, [each])
    after = current_documents(name, servicing, database)
    newest, reached, changed = servicing.max_position(), 0, dict[str, str | None]()
    while reached < newest:
        page = reader(name, servicing, database).page(reached, min(reached + 17, newest))
        changed |= {each.id: each.customer_id for each in page.found}
        reached = page.reached
    assert changed.keys() >= after.keys()
    whose = {each: document.get("customerId") for each, document in after.items()}
    if name == "customers":
        whose = {each: each for each in after}
    if name != "ledger-commands":  # These name an account, whose documents are not here.
        assert {each: changed[each] for each in after} == whose


def test_threads_that_share_a_reader_get_the_same_events() -> None:
    servicing, database = Servicing.in_memory(), Database()
    for each in happenings(Random(7), 200):
        absorb(servicing, [each])
    current_documents("loan-accounts", servicing, database)
    newest, shared = servicing.max_position(), reader("loan-accounts", servicing, database)
    starts = list(range(0, newest, 5)) * 3
    alone = [reader("loan-accounts", servicing, database).page(start, newest) for start in starts]
    with ThreadPoolExecutor(5) as threads:
        assert list(threads.map(lambda start: shared.page(start, newest), starts)) == alone
