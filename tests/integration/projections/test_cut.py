"""A connection to MongoDB that something on its way forgot: nothing comes, and nobody is told."""

from contextlib import closing
from threading import Event as Flag
from threading import Thread
from typing import Any

from pymongo.database import Database

from app.aggregates import Servicing
from app.projections.runner import run as project
from app.runtime.embedded import EmbeddedServer
from app.runtime.settings import Settings
from tests.chaos.links import Links, Mode
from tests.given import absorb
from tests.integration.projections.test_set_aside import rename
from tests.waiting import until


def test_a_projector_does_not_wait_for_ever(
    settings: Settings, mongo_server: EmbeddedServer, mongo_db: Database[dict[str, Any]]
) -> None:
    stop = Flag()
    with Links() as links, closing(Servicing.from_url(settings.event_store_url)) as store:
        link = links.to(mongo_server.port)
        through = settings.model_copy(
            update={
                "mongo_url": f"mongodb://127.0.0.1:{link.port}/?directConnection=true",
                "mongo_answer_seconds": 1,
            }
        )
        absorb(store, [rename("C1", "Ann", 1)])
        projecting = Thread(target=project, args=(through, ["customers"]), kwargs={"stop": stop})
        projecting.start()
        try:
            until(lambda: mongo_db["customers"].count_documents({}) == 1, what="the first customer")
            link.set(Mode.CUT)
            link.set(Mode.OPEN)
            absorb(store, [rename("C2", "Bob", 1)])
            until(
                lambda: mongo_db["customers"].count_documents({}) == 2, 40, "the second, by new connections"
            )
        finally:
            stop.set()
            projecting.join(30)
