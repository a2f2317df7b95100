"""``billie events copy`` where something is wrong: it says what, where, and what to do, and harms nothing."""

import resource
import subprocess
import sys
from base64 import b64encode
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from app.aggregates import Customer
from app.event_store.application import Servicing
from app.event_store.copies.copy import CopyError, EndpointError, Phase, copy_store
from app.event_store.copies.endpoints import is_store
from app.privacy.master_keys import MasterKeyError, MasterKeys
from tests.support.commands import ROOT, Billie
from tests.support.data.copying import all_rows, go_on, make_large
from tests.support.data.erasing import know
from tests.support.data.given import absorb
from tests.support.data.projecting import On
from tools.private_postgres import PrivatePostgres

SECRET = "Wi/lhel@mina"


@pytest.fixture
def source(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'source.db'}"
    with closing(Servicing.from_url(url)) as servicing:
        know(servicing, "C1", "L1")
    return url


def test_a_file_is_not_copied_onto_itself_by_another_path(source: str, tmp_path: Path) -> None:
    file = tmp_path / "source.db"
    (tmp_path / "link.db").symlink_to(file)
    (tmp_path / "hard.db").hardlink_to(file)
    before = all_rows(source)
    for other in ("source.db", "link.db", "hard.db", f"../{tmp_path.name}/source.db"):
        with pytest.raises(CopyError, match="are the same store"):
            copy_store(source, f"sqlite:///{tmp_path}/{other}?timeout=1", go_on)
    assert all_rows(source) == before
    assert not (tmp_path / "hard.db-wal").exists(), "by two names, a file has two logs"


def test_an_empty_file_is_not_copied_onto_itself(tmp_path: Path) -> None:
    """It waited for its own lock, and said that a server was away."""
    url = f"sqlite:///{tmp_path / 'empty.db'}?timeout=1"
    Servicing.from_url(url).close()
    with pytest.raises(CopyError, match="are the same store"):
        copy_store(url, url, go_on)
    Servicing.from_url(url).close()


@pytest.mark.parametrize("events", [True, False], ids=["events", "empty"])
def test_a_database_is_not_copied_onto_itself_by_another_host(
    source: str, postgres_url: str, events: bool
) -> None:
    if events:
        copy_store(source, postgres_url, go_on)
    else:
        Servicing.from_url(postgres_url).close()
    other = postgres_url.replace("postgresql:", "postgres:").replace("127.0.0.1", "localhost")
    assert other != postgres_url
    with pytest.raises(CopyError, match="are the same store"):
        copy_store(postgres_url, other, go_on, others_may_read=True)
    Servicing.from_url(postgres_url).close()


def test_swapped_source_and_target_overwrite_no_store(source: str, postgres_url: str) -> None:
    before = all_rows(source)
    with pytest.raises(CopyError, match="no table of events"):
        copy_store(postgres_url, source, go_on)
    Servicing.from_url(postgres_url).close()
    with pytest.raises(CopyError, match="holds events up to position"):
        copy_store(postgres_url, source, go_on)
    assert all_rows(source) == before


def test_a_copy_that_is_already_done_is_reported(source: str, postgres_url: str) -> None:
    """Its end was not seen by a second caller."""
    copy_store(source, postgres_url, go_on)
    with pytest.raises(CopyError, match="copied this source there before, that is done"):
        copy_store(source, postgres_url, go_on)


@pytest.mark.parametrize("to", ["postgresql", "sqlite"])
@pytest.mark.parametrize("phase", ["copy", "verify"])
def test_the_target_is_locked_during_the_copy(
    source: str, postgres_url: str, tmp_path: Path, to: str, phase: str
) -> None:
    """Writers wait, or give up."""
    target = postgres_url if to == "postgresql" else f"sqlite:///{tmp_path / 'target.db'}?timeout=1"
    Servicing.from_url(target).close()
    tried: list[str] = []

    def while_somebody_writes(now: Phase, *_: int) -> bool:
        if now == phase:
            done = subprocess.run(
                [sys.executable, "-c", WRITE_ONE, target], cwd=ROOT, capture_output=True, text=True
            )
            tried.append(done.stderr)
        return True

    copy_store(source, target, while_somebody_writes)
    [said] = tried
    assert "locked" in said or "lock timeout" in said, said
    assert all_rows(target) == all_rows(source)


WRITE_ONE = """
import sys
from app.event_store.copies.endpoints import endpoint_at
from app.event_store.copies.endpoints import EVENTS
end = endpoint_at(sys.argv[1])
if "timeout" not in sys.argv[1]:
    end.execute("SET lock_timeout = '1s'")
with end.transaction(locked=True):
    end.insert(EVENTS, [(10_000_000, "ab" * 16, 1, "T", b"{}")])
"""


def test_a_full_disk_is_reported_for_the_target_and_the_copy_can_be_run_again(
    source: str, tmp_path: Path
) -> None:
    """As far as files may grow here: SQLite meets the same as at a disk's end."""
    make_large(source, 12_000)
    target = f"sqlite:///{tmp_path / 'target.db'}"
    command = (sys.executable, "-m", "app.cli.main", "events", "copy", "--from", source, "--to", target)
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5 * 1024 * 1024,) * 2),
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("The target failed: ")
    assert "Check --to, and run the same command again" in done.stderr
    assert not is_store(target)
    Billie({}).run(*command[3:])
    assert all_rows(target) == all_rows(source)


def test_an_invalid_store_is_reported_for_its_end_of_the_copy(source: str, tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("This is no database.\n" * 100)
    wrong = (text, tmp_path, text / "below.db")
    for path in wrong:
        done = Billie({}).end("events", "copy", "--from", source, "--to", f"sqlite:///{path}")
        assert (done.returncode, "The target failed: " in done.stderr) == (3, True), done.stderr
        assert "Traceback" not in done.stderr
    for path in wrong[:2]:
        done = Billie({}).end("events", "copy", "--from", f"sqlite:///{path}", "--to", f"{source}.new")
        assert (done.returncode, "The source failed: " in done.stderr) == (3, True), done.stderr
        assert "Traceback" not in done.stderr
    assert text.read_text().startswith("This is no database.")


def test_a_read_only_file_is_reported(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the system, as root may write to any disk that is not read-only."""
    with monkeypatch.context() as patched:
        patched.setattr("os.access", lambda path, _: Path(path) != tmp_path / "source.db")
        with pytest.raises(EndpointError, match="source") as failed:
            copy_store(source, f"sqlite:///{tmp_path / 'target.db'}", go_on)
    assert "source.db is read-only" in str(failed.value.__cause__)
    assert not (tmp_path / "target.db").exists()


def test_a_read_only_user_cannot_hold_writers_off_and_is_refused(
    source: str, postgres_url: str, tmp_path: Path
) -> None:
    copy_store(source, postgres_url, go_on)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        try:
            by_reader = postgres_url.replace("billie@", "reader@")
            with pytest.raises(EndpointError, match="source") as failed:
                copy_store(by_reader, f"sqlite:///{tmp_path / 'target.db'}", go_on, others_may_read=True)
            assert "may not lock events" in str(failed.value.__cause__)
            assert "GRANT UPDATE" in str(failed.value.__cause__)
        finally:
            connection.execute("DROP OWNED BY reader")
            connection.execute("DROP ROLE reader")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://billie:Wi/lhelmina@127.0.0.1/store",
        "postgresql://billie:1234/Wilhelmina@127.0.0.1/store",
        "postgresql://billie:Wi#lhelmina@127.0.0.1/store",
        "postgresql://billie:Wi?lhelmina@127.0.0.1/store",
        "postgresql://billie:Wi[lhelmina@127.0.0.1/store",
        "postgresql://billie:Wilhelmina@127.0.0.1:port/store",
        "postgresql://billie:Wilhelmina@127.0.0.1/store?password=Wilhelmina",
        "postgresql://billie:Wilhelmina@127.0.0.1:1/store",
        "mysql://billie:Wilhelmina@127.0.0.1/store",
        "billie:Wilhelmina@127.0.0.1/store",
    ],
)
def test_no_url_error_shows_a_password(url: str, source: str) -> None:
    for option, arguments in (("--to", ("--from", source, "--to", url)), ("--from", ("--from", url))):
        more = () if option == "--to" else ("--to", f"{source}.new")
        done = Billie({}).end("events", "copy", *arguments, *more)
        assert done.returncode in (2, 3)
        assert option in done.stderr
        assert "BILLIE_EVENT_STORE_URL" not in done.stderr, "it is another URL that is wrong"
        assert "Traceback" not in done.stderr
        for part in ("Wi", "lhelmina", "1234"):
            assert part not in done.stderr + done.stdout


def test_names_and_passwords_of_any_letters(
    source: str, postgres_cluster: PrivatePostgres, tmp_path: Path
) -> None:
    with psycopg.connect(f"{postgres_cluster.url}/postgres", autocommit=True) as connection:
        connection.execute('CREATE DATABASE "Bücher 100%/a"')
        try:
            host = postgres_cluster.url.removeprefix("postgresql://billie@")
            database = f"postgresql://billie:Wi%2Flhel%40mina@{host}/B%C3%BCcher%20100%25%2Fa"
            file = tmp_path / "Bücher 100% #1?.db"
            named = f"sqlite:///{tmp_path}/Bücher 100%25 %231%3F.db"
            for one, other in ((source, database), (database, named)):
                output = Billie({}).run("events", "copy", "--from", one, "--to", other)
                assert "Wi" not in output, "not as it is written, nor as it is"
                assert SECRET not in output
            assert str(file) in output
            assert all_rows(named) == all_rows(source)
        finally:
            connection.execute('DROP DATABASE "Bücher 100%/a" WITH (FORCE)')


def test_an_empty_store_is_copied_and_positions_begin_at_1(postgres_url: str, tmp_path: Path) -> None:
    empty = f"sqlite:///{tmp_path / 'empty.db'}"
    Servicing.from_url(empty).close()
    assert copy_store(empty, postgres_url, go_on).newest_position == 0
    with closing(Servicing.from_url(postgres_url)) as servicing:
        absorb(servicing, [On(Customer, "C1").report_details(at=1, first_name="Ann")])
        assert [each.position for each in servicing.page(0, 10, 10)] == [1, 2]


def test_sealed_events_are_copied_sealed_under_any_master_key(postgres_url: str, tmp_path: Path) -> None:
    masters, sealed = MasterKeys(b"1" * 32), f"sqlite:///{tmp_path / 'sealed.db'}"
    with closing(Servicing.from_url(sealed, masters=masters)) as servicing:
        know(servicing, "C1", "L1")
    other_key = Billie({"BILLIE_MASTER_KEY": b64encode(b"2" * 32).decode()})
    other_key.run("events", "copy", "--from", sealed, "--to", postgres_url)
    assert all_rows(postgres_url) == all_rows(sealed)
    with pytest.raises(MasterKeyError):
        Servicing.from_url(postgres_url, masters=MasterKeys(b"2" * 32))
    with closing(Servicing.from_url(postgres_url, masters=masters)) as servicing:
        customer = servicing.load(Customer, "C1")
        assert customer is not None
        assert customer.first_name == "Wilhelmina"
