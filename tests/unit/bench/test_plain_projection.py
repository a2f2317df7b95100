"""The library's contender is a fair one: it comes to the documents that ours come to."""

from contextlib import closing
from pathlib import Path
from typing import Any

import mongomock
import pytest
from eventsourcing.persistence import Tracking

from app.event_store.application import Servicing
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from bench.contenders.plain_projection import PlainProjection, PlainView
from bench.shared.event_stores import make_stores
from tests.support.data.mock_mongo import Database

EVENTS = 4_000
THREE = ("customers", "loan-accounts", "conversations")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("stores")
    return make_stores(folder, [EVENTS], at_once=20)[EVENTS]


def shown(database: Any, name: str) -> dict[str, Any]:
    return {
        each["_id"]: {field: value for field, value in each.items() if not field.startswith("_")}
        for each in database[name].find()
    }


@pytest.mark.filterwarnings("ignore:.*utcnow:DeprecationWarning")
def test_the_plain_projection_gives_the_same_documents(store: str) -> None:
    ours, theirs = Database(), mongomock.MongoClient(tz_aware=True)["plain"]
    with closing(Servicing.from_url(store)) as servicing:
        for name in THREE:
            engine = Projector(all_projections(Settings())[name], servicing, ours)  # type: ignore[arg-type]
            while engine.step():
                pass
        view = PlainView(theirs)
        plain = PlainProjection(view=view)
        for each in servicing.recorder.select_notifications(1, EVENTS):
            plain.process_event(servicing.mapper.to_domain_event(each), Tracking(servicing.name, each.id))
        assert view.max_tracking_id(servicing.name) == EVENTS
    for name in THREE:
        assert shown(theirs, name) == shown(ours, name)
    assert all(len(shown(ours, name)) > 20 for name in THREE)
