"""``billie reconcile`` where something is wrong, or nothing: documents are let go only where that helps."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pymongo.database import Database
from pymongo.errors import ConnectionFailure
from redis import Redis

from app.event_store.application import Servicing
from app.projections.engine.faults import ProjectionFault
from app.projections.engine.leases import Lease, beating, owner_name
from app.projections.engine.positions import COLLECTION
from app.projections.migrations import migrate
from app.projections.read_models.catalogue import all_projections
from app.projections.rebuild import forget as forgetting
from app.runtime.settings.settings import Settings
from tests.support.commands import Billie
from tests.support.data.erasing import know
from tests.support.data.stored import live
from tests.support.roles import project
from tests.support.servers.event_stores import NewStore, events_table, execute
from tests.unit.ingestion.messages.test_parsers import install

Mongo = Database[dict[str, Any]]
AWAY = "127.0.0.1:1"
AS_ACCOUNT = "def parse(kind, payload): return {'account_id': payload['ref']}"


def stored(url: str, *names: str) -> None:
    """All that there can be of so many customers, whose notes and money movements are in no message."""
    with closing(Servicing.from_url(url)) as servicing:
        for name in names:
            know(servicing, f"C-{name}", name)


@pytest.fixture
def folded(settings: Settings, mongo_db: Mongo) -> dict[str, dict[str, dict[str, Any]]]:
    """The documents of two customers, and the store that they came from."""
    list(migrate(mongo_db))
    stored(settings.event_store_url, "A", "B")
    project(settings, drain=True)
    return live(mongo_db)


@pytest.fixture
def restored(settings: Settings, new_store: NewStore, folded: object) -> Settings:
    """The store as it was when only the first one was known."""
    url = new_store()
    stored(url, "A")
    return settings.model_copy(update={"event_store_url": url})


Reconcile = Callable[..., tuple[int, str, str]]


@pytest.fixture
def reconcile(restored: Settings) -> Reconcile:
    """The command, with the restored store, and a ledger that is away: exit code, output, errors."""
    billie = Billie.of(restored.model_copy(update={"ledger_target": AWAY}))

    def run(*options: str, **more: str) -> tuple[int, str, str]:
        done = billie.end("reconcile", *options, **({"BILLIE_LEDGER_TARGET": AWAY} | more))
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_consistent_system_releases_no_document(
    settings: Settings, folded: object, reconcile: Reconcile, mongo_db: Mongo
) -> None:
    code, output, _ = reconcile("--forget-documents", BILLIE_EVENT_STORE_URL=settings.event_store_url)
    assert code == 0
    assert "the read models are unchanged" in output
    assert live(mongo_db) == folded
    assert mongo_db[COLLECTION].count_documents({"position": {"$gt": 0}}) == len(all_projections(settings))


def test_reconcile_creates_no_store_in_a_database_without_one(
    reconcile: Reconcile, postgres_url: str
) -> None:
    code, _, said = reconcile(BILLIE_EVENT_STORE_URL=postgres_url)
    assert (code, "no event store in the database" in said) == (3, True)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchall() == []


@pytest.mark.sqlite_file
def test_a_missing_store_is_not_created(
    folded: object, reconcile: Reconcile, mongo_db: Mongo, tmp_path: Path
) -> None:
    """By a slip in its name, all documents were beyond it, and could be let go."""
    url, saved = f"sqlite:///{tmp_path / 'evnts.db'}", tmp_path / "saved"
    code, _, said = reconcile(
        "--forget-documents", "--replay", "--save", str(saved), BILLIE_EVENT_STORE_URL=url
    )
    assert code == 3
    assert f"no event store in {tmp_path / 'evnts.db'}" in said
    assert not (tmp_path / "evnts.db").exists()
    assert not saved.exists()
    assert live(mongo_db) == folded


def test_an_empty_store_releases_no_document(
    folded: object, reconcile: Reconcile, mongo_db: Mongo, new_store: NewStore, tmp_path: Path
) -> None:
    empty = new_store()
    Servicing.from_url(empty).close()
    code, output, _ = reconcile(BILLIE_EVENT_STORE_URL=empty)
    assert (code, "ends at position 0" in output) == (1, True)
    saved = tmp_path / "saved"
    code, _, said = reconcile("--forget-documents", "--save", str(saved), BILLIE_EVENT_STORE_URL=empty)
    assert (code, "holds no event" in said, saved.exists()) == (1, True, False)
    assert live(mongo_db) == folded


def test_redis_may_be_as_lost_as_the_store(
    restored: Settings, reconcile: Reconcile, mongo_db: Mongo, tmp_path: Path
) -> None:
    """There is no stream to read again: the rest is done all the same."""
    saved = tmp_path / "saved"
    code, output, _ = reconcile("--replay", "--save", str(saved), "--forget-documents")
    assert code == 1
    assert "The read models are empty" in output
    assert saved.stat().st_mode & 0o777 == 0o600, "it holds personal data"
    lines = [json.loads(line) for line in saved.read_text().splitlines()]
    assert {each["readModel"] for each in lines} == {
        *("contact-notes", "ledger-commands", "write-off-requests"),
    }
    project(restored, drain=True)
    assert set(live(mongo_db)["customers"]) == {"C-A"}
    assert reconcile()[0] == 0


def test_a_group_reads_again_from_the_beginning(
    settings: Settings, reconcile: Reconcile, redis_client: Redis
) -> None:
    stream, group = settings.inbox_stream, settings.consumer_group
    redis_client.xadd(stream, {"typ": "unheard.of.v1", "payload": "{}"})
    redis_client.xgroup_create(stream, group, id="$")
    reconcile("--replay")
    groups: Any = redis_client.xinfo_groups(stream)
    assert [each["last-delivered-id"] for each in groups] == [b"0-0"]


def test_messages_are_read_with_installed_parsers(
    settings: Settings, reconcile: Reconcile, redis_client: Redis, tmp_path: Path
) -> None:
    """A parser that cannot be loaded stops it, as it stops ingestion."""
    stream, group = settings.inbox_stream, settings.consumer_group
    redis_client.xadd(stream, {"typ": "account.updated.v1", "dat": '{"ref": "L1"}'})
    redis_client.xgroup_create(stream, group, id="$")
    output = json.loads(reconcile("--json")[1])["stream"]
    assert output == {"messages": 1, "unread": 0, "takenAndLost": 0, "unreadable": 1}
    install(tmp_path, "own", "account. = own_module:parse", AS_ACCOUNT)
    output = json.loads(reconcile("--json", PYTHONPATH=str(tmp_path))[1])["stream"]
    assert output == {"messages": 1, "unread": 0, "takenAndLost": 1, "unreadable": 0}
    (tmp_path / "own_module.py").write_text("1 / 0")
    code, _, said = reconcile(PYTHONPATH=str(tmp_path))
    assert (code, "own 1.0" in said) == (2, True)


def test_an_earlier_copy_is_not_overwritten_and_no_document_is_released(
    folded: object, reconcile: Reconcile, mongo_db: Mongo, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    saved.write_text("of the first time")
    code, _, said = reconcile("--save", str(saved), "--forget-documents")
    assert (code, "exists, and --save names a new file" in said) == (2, True)
    code, _, said = reconcile("--save", str(saved / "below"), "--forget-documents")
    assert (code, str(saved / "below") in said) == (2, True)
    assert saved.read_text() == "of the first time"
    assert live(mongo_db) == folded


def test_reconcile_is_all_or_nothing_if_documents_would_be_lost(
    settings: Settings, folded: object, reconcile: Reconcile, mongo_db: Mongo, redis_client: Redis
) -> None:
    """A missing ``--save`` is reported before the group is reset."""
    stream, group = settings.inbox_stream, settings.consumer_group
    redis_client.xgroup_create(stream, group, id="7-0", mkstream=True)
    code, _, said = reconcile("--replay", "--forget-documents")
    assert (code, "--save FILE" in said) == (2, True)
    groups: Any = redis_client.xinfo_groups(stream)
    assert [each["last-delivered-id"] for each in groups] == [b"7-0"]
    assert live(mongo_db) == folded


def test_a_running_role_is_named(
    folded: object, reconcile: Reconcile, mongo_db: Mongo, tmp_path: Path
) -> None:
    """What it has in hand would be all that its read model holds."""
    owner = owner_name("project")
    lease = Lease(mongo_db, "customers", owner)
    options = ("--save", str(tmp_path / "saved"), "--forget-documents")
    assert lease.take(mongo_db[COLLECTION].find_one({"_id": "customers"}) or {})
    with beating([lease]):
        code, _, said = reconcile(*options)
    assert (code, owner in said, "Stop all roles" in said) == (1, True, True)
    assert live(mongo_db) == folded
    assert not (tmp_path / "saved").exists()
    code, output, _ = reconcile(*options)
    assert (code, "The read models are empty" in output) == (1, True), "killed, it beats no more"


def test_an_interrupted_reconcile_leaves_no_partial_read_model(
    restored: Settings, mongo_db: Mongo, reconcile: Reconcile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    projections = all_projections(restored)
    gone: list[str] = []

    def until_mongo_is_gone(_: Mongo, projection: Any) -> None:
        gone.append(projection.name)
        if len(gone) == 4:
            raise ConnectionFailure(projection.name)

    with monkeypatch.context() as patched:
        patched.setattr(forgetting, "drop_shadows", until_mongo_is_gone)
        with pytest.raises(ConnectionFailure):
            forgetting.forget_documents(mongo_db, projections)
    assert not mongo_db[gone[0]].count_documents({})
    assert mongo_db[gone[3]].count_documents({})
    with pytest.raises(ProjectionFault):
        project(restored, drain=True)
    assert not mongo_db[gone[0]].count_documents({})
    output = json.loads(reconcile("--json")[1])
    assert {each["projection"] for each in output["ahead"]} == set(projections)
    reconcile("--save", str(tmp_path / "saved"), "--forget-documents")
    project(restored, drain=True)
    folded_again = live(mongo_db)
    assert set(folded_again["customers"]) == {"C-A"}
    assert set(folded_again["contact-notes"]) == {"A-note"}


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("BILLIE_REDIS_URL", f"redis://:Wilhelmina@{AWAY}/0"),
        ("BILLIE_MONGO_URL", f"mongodb://billie:Wilhelmina@{AWAY}/"),
        ("BILLIE_EVENT_STORE_URL", f"postgresql://billie:Wilhelmina@{AWAY}/store"),
    ],
)
def test_an_unavailable_server_is_named_without_its_password(
    setting: str, url: str, folded: object, reconcile: Reconcile, mongo_db: Mongo, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    code, _, said = reconcile("--replay", "--save", str(saved), "--forget-documents", **{setting: url})
    assert code == 3
    assert said.rstrip().endswith(f"Check {setting}.")
    assert "127.0.0.1" in said
    assert "Wilhelmina" not in said
    assert not saved.exists()
    assert live(mongo_db) == folded


def test_an_unavailable_ledger_is_reported_for_each_money_command(reconcile: Reconcile) -> None:
    code, output, _ = reconcile()
    assert code == 1
    assert "ledger-commands B is in documents only; the ledger: no answer: UNAVAILABLE" in output
    code, _, said = reconcile(BILLIE_LEDGER_TLS="true", BILLIE_LEDGER_CA_FILE="/nowhere/ca.pem")
    assert (code, "BILLIE_LEDGER_CA_FILE, /nowhere/ca.pem" in said) == (2, True)


def test_events_of_a_newer_release_are_not_reported_lost(
    settings: Settings, folded: object, reconcile: Reconcile
) -> None:
    """An event that cannot be read: the aggregate is there all the same."""
    assert folded
    url = settings.event_store_url
    topic = "app.aggregates.contact_note:ContactNote.FromTheFuture"
    execute(
        url,
        f"UPDATE {events_table(url)} SET topic = ? WHERE topic LIKE ?",
        topic,
        "app.aggregates.contact_note:%",
    )
    assert execute(url, f"SELECT COUNT(*) FROM {events_table(url)} WHERE topic = ?", topic) != [(0,)]
    code, output, _ = reconcile(BILLIE_EVENT_STORE_URL=url)
    assert (code, "Nothing is beyond the store" in output) == (0, True)
