"""Documents that do not follow, or are not live yet, keep nothing of a customer who is erased."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event
from typing import Any

import pytest
from pymongo.database import Database

from app.aggregates import Conversation, Customer, LoanAccount
from app.event_store.application import Servicing
from app.projections.engine.leases import Lease
from app.projections.engine.positions import COLLECTION
from app.projections.engine.projection import Projection
from app.projections.migrations import migrate
from app.projections.read_models.catalogue import COLLECTIONS, all_projections
from app.projections.rebuild.rebuild import Rebuild
from app.projections.rebuild.run import run_rebuilds
from app.projections.rebuild.shadow import PREFIX, record_id
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.data.erasing import SECRET, erase, know
from tests.support.data.given import absorb
from tests.support.data.projecting import On
from tests.support.roles import project, projecting
from tests.support.waiting import until

Mongo = Database[dict[str, Any]]
THREE = {"customers": "C1", "loan-accounts": "L1", "conversations": "L1"}


@pytest.fixture
def known(settings: Settings, mongo_db: Mongo) -> Iterator[Servicing]:
    """Two customers, known and shown."""
    list(migrate(mongo_db))
    with closing(Servicing.from_url(settings.event_store_url)) as servicing:
        know(servicing, "C1", "L1")
        know(servicing, "C2", "L2")
        project(settings, drain=True)
        yield servicing


@contextmanager
def failing_at(*event_classes: type) -> Iterator[None]:
    """A release that fails at some events."""

    def ill(self: Projection, document: dict[str, Any] | None, event: Any) -> dict[str, Any] | None:
        if isinstance(event, event_classes):
            raise ValueError
        return well(self, document, event)

    well = Projection.evolve
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Projection, "evolve", ill)
        yield


def leaks(database: Mongo) -> list[str]:
    """The collections that still hold anything personal of C1, whose documents are C1's or L1's."""
    ids = {"$in": ["C1", "L1", "L1-note"]}
    names = database.list_collection_names()
    return [name for name in names if SECRET in str(list(database[name].find({"_id": ids})))]


LATE = (
    On(Customer, "C1").verify_identity(at=50),
    On(LoanAccount, "L1").update(at=50, status="SUSPENDED"),
    On(Conversation, "L1").add_utterance(at=50, username="agent", utterance=f"Dear {SECRET}"),
)
ILL = (Customer.IdentityVerified, LoanAccount.Updated, Conversation.UtteranceAdded)


@pytest.mark.parametrize("at_once", [False, True])
def test_a_document_set_aside_is_reduced_to_its_mark(
    settings: Settings, mongo_db: Mongo, known: Servicing, billie: Billie, at_once: bool
) -> None:
    with failing_at(*ILL):
        absorb(known, LATE)
        if not at_once:
            project(settings, drain=True)
            assert SECRET in str(mongo_db["customers"].find_one({"_id": "C1"}))
        absorb(known, [On(LoanAccount, "L1").close(at=60, reason="PAID_OFF")])
        erase(known)
        project(settings, drain=True)
    for name, identifier in THREE.items():
        found = mongo_db[name].find_one({"_id": identifier})
        assert found is not None
        assert found.keys() == {"_id", COLLECTIONS[name].identifier(), "_position", "_faulted"}
        assert found["_faulted"]["empty"]
    assert leaks(mongo_db) == []
    assert SECRET in str(mongo_db["customers"].find_one({"_id": "C2"}))
    healed = billie.end("verify", "--fix")
    assert healed.returncode == 0, healed.stdout
    assert billie.end("verify").returncode == 0
    assert leaks(mongo_db) == []
    assert mongo_db["customers"].find_one({"_id": "C1"})["erasedAt"]  # type: ignore[index]


def test_a_document_set_aside_by_its_erasure_is_reduced_to_its_mark(
    settings: Settings, mongo_db: Mongo, known: Servicing, billie: Billie
) -> None:
    erase(known)
    with failing_at(Customer.PersonalDataErased, Conversation.PersonalDataErased):
        project(settings, drain=True)
    assert leaks(mongo_db) == []
    billie.run("rebuild", "--all")
    assert billie.end("verify").returncode == 0


def interrupt_rebuild(settings: Settings, database: Mongo, servicing: Servicing) -> None:
    """A rebuild that was killed when all is folded, and nothing swapped."""

    class KilledError(Exception):
        pass

    def killed(*_: Any) -> None:
        raise KilledError

    names = all_projections(settings)
    chosen = [names[each] for each in THREE]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Rebuild, "swap", killed)
        with pytest.raises(KilledError):
            run_rebuilds(chosen, servicing, database, Event(), lambda _: None)


def test_abandoned_shadows_are_dropped(
    settings: Settings, mongo_db: Mongo, known: Servicing, billie: Billie
) -> None:
    interrupt_rebuild(settings, mongo_db, known)
    assert SECRET in str(list(mongo_db[f"{PREFIX}customers"].find()))
    erase(known)
    project(settings, drain=True)
    assert leaks(mongo_db) == []
    left = mongo_db[f"{PREFIX}customers"].count_documents({})
    assert left == 0
    billie.run("rebuild", "customers", "--resume")
    assert billie.end("verify").returncode == 0
    assert mongo_db[COLLECTION].find_one({"_id": record_id("customers")}) is None


def test_another_customers_later_erasure_keeps_a_finished_catch_up(
    settings: Settings, mongo_db: Mongo, known: Servicing
) -> None:
    erase(known)
    project(settings, drain=True)
    interrupt_rebuild(settings, mongo_db, known)
    project(settings, drain=True)
    assert mongo_db[f"{PREFIX}customers"].count_documents({}) == 2


def test_shadows_in_use_are_dropped_once_released(
    settings: Settings, mongo_db: Mongo, known: Servicing
) -> None:
    interrupt_rebuild(settings, mongo_db, known)
    leases = [Lease(mongo_db, record_id(name), "a rebuild") for name in THREE]
    for lease in leases:
        assert lease.take(mongo_db[COLLECTION].find_one({"_id": lease.identifier}) or {})
    erase(known)
    project(settings, drain=True)
    assert f"{PREFIX}customers" in leaks(mongo_db)
    for lease in leases:
        lease.release()
    with projecting(settings):
        until(lambda: not leaks(mongo_db))
