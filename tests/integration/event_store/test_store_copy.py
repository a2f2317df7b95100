"""``billie events copy``: a whole event store, from SQLite to PostgreSQL and back, on real ones."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pymongo.database import Database

from app.aggregates import Customer
from app.event_store.application import Servicing
from app.event_store.copies.copy import CopyError, Phase, copy_store
from app.event_store.copies.endpoints import TABLES, PostgresEndpoint, Row, Table, endpoint_at, is_store
from app.projections.migrations import migrate
from app.runtime.servers.embedded import die_with_parent
from app.runtime.settings.settings import Settings
from tests.support.commands import ROOT, Billie
from tests.support.data.copying import all_rows, go_on, make_large
from tests.support.data.erasing import erase, know
from tests.support.data.given import absorb
from tests.support.data.projecting import On
from tests.support.data.stored import live
from tests.support.roles import project
from tests.support.waiting import until


def tell(servicing: Servicing, name: str) -> None:
    absorb(servicing, [On(Customer, name).report_details(at=1, first_name="Zoë", last_name=name)])


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A store with all kinds of events, keys, links, and somebody who is erased."""
    url = f"sqlite:///{tmp_path / 'source.db'}"
    with closing(Servicing.from_url(url)) as servicing:
        for number in range(3):
            know(servicing, f"C{number}", f"L{number}")
        erase(servicing)
        tell(servicing, "Ω")
        tell(servicing, "ä")
        tell(servicing, "Z")
    return url


@pytest.fixture
def target(postgres_url: str) -> str:
    return postgres_url


def test_a_copy_has_all_tables_that_a_store_is_made_with(source: str, target: str) -> None:
    """A new table of the store must be copied too."""
    Servicing.from_url(target).close()
    ours = sorted(table.name for table in TABLES)
    for url in (source, target):
        with closing(endpoint_at(url)) as end:
            assert sorted(end.tables()) == ours


def test_to_postgresql_and_back_all_is_the_same(source: str, target: str, tmp_path: Path) -> None:
    whole = all_rows(source)
    assert all(whole.values()), "something in every table"
    copied = copy_store(source, target, go_on)
    with pytest.raises(CopyError, match="holds events up to position"):
        copy_store(source, target, go_on)
    assert all_rows(target) == whole
    assert {name: each.rows for name, each in copied.tables.items()} == {
        name: len(rows) for name, rows in whole.items()
    }
    back = f"sqlite:///{tmp_path / 'back.db'}"
    assert copy_store(target, back, go_on).tables == copied.tables
    assert all_rows(back) == whole


@pytest.mark.parametrize("back", [False, True], ids=["postgresql", "sqlite"])
def test_the_next_event_follows_and_gaps_stay(source: str, target: str, tmp_path: Path, back: bool) -> None:
    """A transaction that PostgreSQL undid leaves a gap in the positions, which is copied as one."""
    copy_store(source, target, go_on)
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute(
            "SELECT nextval('servicing_events_notification_id_seq') FROM generate_series(1, 7)"
        )
    with closing(Servicing.from_url(target)) as servicing:
        newest = servicing.max_position()
        tell(servicing, "C8")
        after_gap = servicing.max_position()
    assert after_gap > newest + 7
    url = target
    if back:
        url = f"sqlite:///{tmp_path / 'back.db'}"
        assert copy_store(target, url, go_on).newest_position == after_gap
    with closing(Servicing.from_url(url)) as servicing:
        tell(servicing, "C9")
        assert servicing.max_position() == after_gap + 2
        assert servicing.load(Customer, "Ω") is not None
        assert [each.position for each in servicing.page(newest, after_gap + 2, 100)] == [
            after_gap - 1,
            after_gap,
            after_gap + 1,
            after_gap + 2,
        ]


def test_projections_continue_at_their_positions(
    settings: Settings, mongo_db: Database[dict[str, Any]], source: str, target: str
) -> None:
    list(migrate(mongo_db))
    project(settings.model_copy(update={"event_store_url": source}), drain=True)
    before = live(mongo_db)
    positions = {each["_id"]: each["position"] for each in mongo_db["projection-positions"].find()}
    copy_store(source, target, go_on)
    moved = settings.model_copy(update={"event_store_url": target})
    project(moved, drain=True)
    assert live(mongo_db) == before
    assert {each["_id"]: each["position"] for each in mongo_db["projection-positions"].find()} == positions
    with closing(Servicing.from_url(target)) as servicing:
        tell(servicing, "C9")
    project(moved, drain=True)
    assert mongo_db["customers"].find_one({"_id": "C9"}) is not None
    assert len(live(mongo_db)["customers"]) == len(before["customers"]) + 1


def is_being_written(target: str) -> bool:
    """Whether a transaction has written to the target, and is not committed."""
    if target.startswith("sqlite"):
        return Path(f"{target.removeprefix('sqlite:///')}-journal").exists()
    with psycopg.connect(target, autocommit=True) as connection:
        writing = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL"
        )
        return connection.execute(writing).fetchone() is not None


@pytest.mark.parametrize("to", ["postgresql", "sqlite"])
def test_a_killed_copy_leaves_nothing_and_can_be_repeated(
    source: str, target: str, tmp_path: Path, to: str
) -> None:
    make_large(source, 60_000)
    if to == "sqlite":
        target = f"sqlite:///{tmp_path / 'target.db'}"
    arguments = ("events", "copy", "--from", source, "--to", target)
    child = Billie({}).start(*arguments)
    until(lambda: is_being_written(target), what="a part is copied")
    child.kill()
    child.communicate()
    assert child.returncode == -signal.SIGKILL, "killed in the middle"
    assert not is_store(target)
    whole = all_rows(source)
    done = json.loads(Billie({}).run(*arguments, "--json"))
    assert done["newestPosition"] == len(whole["events"])
    assert all_rows(target) == whole
    Servicing.from_url(target).close()


@pytest.mark.parametrize("phase", ["copy", "verify"])
def test_a_stopped_copy_leaves_the_target_unchanged(source: str, target: str, phase: str) -> None:
    with pytest.raises(CopyError, match="as it was before"):
        copy_store(source, target, lambda now, *_: now != phase)
    assert not is_store(target)
    copy_store(source, target, go_on)
    assert all_rows(target) == all_rows(source)


def test_a_stopped_copy_leaves_the_positions_of_an_empty_store_alone(source: str, target: str) -> None:
    Servicing.from_url(target).close()
    with pytest.raises(CopyError, match="as it was before"):
        copy_store(source, target, lambda now, *_: now != "verify")
    with closing(Servicing.from_url(target)) as servicing:
        tell(servicing, "C9")
        assert [each.position for each in servicing.page(0, 10, 10)] == [1, 2]


def test_a_target_with_other_content_is_refused(source: str, target: str, tmp_path: Path) -> None:
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("CREATE TABLE payments (id int)")
    with pytest.raises(CopyError, match="other tables: payments"):
        copy_store(source, target, go_on)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    with closing(Servicing.from_url(other)) as servicing:
        tell(servicing, "C1")
    before = all_rows(other)
    with pytest.raises(CopyError, match="holds events up to position"):
        copy_store(source, other, go_on)
    assert all_rows(other) == before
    with pytest.raises(CopyError, match=r"no file .*none\.db at the source"):
        copy_store(f"sqlite:///{tmp_path / 'none.db'}", other, go_on)
    assert not (tmp_path / "none.db").exists()


def test_a_row_changed_on_the_way_is_detected(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(self: PostgresEndpoint, table: Table, rows: Iterable[Row]) -> None:
        insert(self, table, ((*row[:-1], b"{}") if row[0] == 2 else row for row in rows))

    insert = PostgresEndpoint.insert
    with monkeypatch.context() as patched:
        patched.setattr(PostgresEndpoint, "insert", changing)
        with pytest.raises(CopyError, match=r"events is not the same on both sides"):
            copy_store(source, target, go_on)
    assert not is_store(target)


@pytest.mark.parametrize("back", [False, True], ids=["sqlite", "postgresql"])
def test_connected_clients_are_named_and_can_only_read(
    source: str, target: str, tmp_path: Path, back: bool
) -> None:
    """The writer is a process of its own: SQLite's locks tell nothing within one."""
    if back:
        copy_store(source, target, go_on)
        source, target = target, f"sqlite:///{tmp_path / 'back.db'}"
    with writer(source) as child:
        with pytest.raises(CopyError, match=r"connected to the source: .*process \d+.*Stop the roles"):
            copy_store(source, target, go_on)
        phases: list[str] = []

        def while_somebody_writes(now: Phase, *_: int) -> bool:
            phases.append(now)
            if len(phases) == 1:
                assert child.stdin is not None
                assert child.stdout is not None
                child.stdin.write("write\n")
                child.stdin.flush()
                assert child.stdout.readline() == "writing\n"
            return True

        newest = copy_store(source, target, while_somebody_writes, others_may_read=True).newest_position
        assert phases == ["copy", "verify"]
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
    with closing(Servicing.from_url(source)) as store, closing(Servicing.from_url(target)) as copied:
        assert store.max_position() == newest + 2, "it waited, and wrote once the copy was done"
        assert copied.max_position() == newest


WRITER = """
import sys
from app.aggregates import Customer
from app.event_store.application import Servicing
from tests.support.data.given import absorb
from tests.support.data.projecting import On
servicing = Servicing.from_url(sys.argv[1])
print("ready", flush=True)
for _ in sys.stdin:
    print("writing", flush=True)
    absorb(servicing, [On(Customer, "W").report_details(at=1, first_name="Ann")])
    print("written", flush=True)
"""


@contextmanager
def writer(url: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has a store open, and writes an event on request."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,
    )
    with child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            yield child
        finally:
            child.kill()
