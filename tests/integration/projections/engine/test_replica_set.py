"""A replica set of three: elections lose nothing, and what a lost primary alone had was never believed."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from app.event_store.application import Servicing
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projector import Projector
from app.projections.migrations import migrate
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild.verify import Verify
from app.runtime.servers.clients import mongo_client
from app.runtime.settings.settings import Settings
from tests.support.data.stored import live, store_backlog
from tests.support.roles import project, projecting
from tests.support.servers.replica_set import ReplicaSet
from tests.support.waiting import until


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    with ReplicaSet(tmp_path_factory.mktemp("three")) as members:
        yield members


@pytest.fixture
def on_set(settings: Settings, three: ReplicaSet) -> Settings:
    return settings.model_copy(update={"mongo_url": three.url})


def test_documents_that_only_a_lost_primary_had_are_folded_again(on_set: Settings, three: ReplicaSet) -> None:
    impatient = on_set.model_copy(update={"mongo_url": f"{three.url}&w=majority&wtimeoutMS=500"})
    newest = store_backlog(on_set, 300)
    customers = all_projections(on_set)["customers"]
    with (
        mongo_client(on_set) as client,
        closing(Servicing.from_url(on_set.event_store_url)) as servicing,
    ):
        database = client[on_set.mongo_db]
        list(migrate(database))
        three.hold_replication()
        with mongo_client(impatient) as cut, pytest.raises(BulkWriteError):
            Projector(customers, servicing, cut[on_set.mongo_db]).step()
        local = database.get_collection("customers", read_concern=ReadConcern("local"))
        written = local.count_documents({})
        assert written, "the primary alone has them"

        projector = Projector(customers, servicing, database)
        lost = []
        projector.step(fence=lambda: lost.append(three.lose_primary()))
        assert lost
        assert projector.position() == newest
        assert not list(Verify(customers, servicing, database, Event()).run(lambda _: None))
        assert database["customers"].count_documents({}) >= written

        lost[0].start()
        with MongoClient[dict[str, Any]](lost[0].url) as returned:
            theirs = returned[on_set.mongo_db]["customers"]
            until(lambda: theirs.count_documents({}) == written, what="what it alone had to be rolled back")


def test_projections_go_on_through_a_step_down_a_pause_and_a_kill_of_the_primary(
    settings: Settings, on_set: Settings, mongo_db: Database[dict[str, Any]], three: ReplicaSet
) -> None:
    newest = store_backlog(on_set, 3_000)
    list(migrate(mongo_db))
    project(settings, drain=True)
    with mongo_client(on_set) as client:
        database = client[on_set.mongo_db]
        list(migrate(database))
        with projecting(on_set.model_copy(update={"project_batch": 5})):
            with _in_the_middle_of(database, newest):
                three.step_down()
            with _in_the_middle_of(database, newest), three.paused_primary():
                pass
            with _in_the_middle_of(database, newest):
                three.lose_primary().start()
            until(lambda: _least(database) == newest, what="the rest to be folded")
        assert live(database) == live(mongo_db)


@contextmanager
def _in_the_middle_of(database: Database[dict[str, Any]], newest: int) -> Iterator[None]:
    """The projections move, and have more to do, when it happens."""
    came_to = _least(database)
    until(lambda: _least(database) > came_to, what="a part to be folded")
    assert _least(database) < newest, "it came too late to meet any work"
    yield


def _least(database: Database[dict[str, Any]]) -> int:
    return min((each.get("position", 0) for each in database[COLLECTION].find()), default=0)
