"""Backups of the event store: whole, of one moment, and refused where they are not as they were made."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from app.event_store.application import Servicing
from app.event_store.copies.backup import back_up, check, manifest_of, restore
from app.event_store.copies.copy import Content, CopyError, content_of
from app.event_store.copies.endpoints import EVENTS, endpoint_at
from app.runtime.settings.settings import Settings
from tests.support.data.copying import all_rows, go_on
from tests.support.data.stored import store_backlog


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Of a store, and of an empty place of the same kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}", f"sqlite:///{tmp_path / 'restored.db'}"
    return request.getfixturevalue("postgres_url"), request.getfixturevalue("second_postgres_url")


@pytest.fixture
def written(urls: tuple[str, str], settings: Settings) -> Iterator[str]:
    """A store with a backlog in it, and somebody who writes on and on."""
    url, _ = urls
    storing = settings.model_copy(update={"event_store_url": url})
    store_backlog(storing, 150)
    stop = Event()

    def write_on() -> None:
        seed = 2
        while not stop.is_set():
            store_backlog(storing, 50, seed)
            seed += 1

    writing = Thread(target=write_on)
    writing.start()
    yield url
    stop.set()
    writing.join()


def events_up_to(url: str, newest: int) -> Content:
    with closing(endpoint_at(url)) as store:
        return content_of(row for row in store.rows(EVENTS) if row[0] <= newest)


def test_a_backup_of_a_store_in_use_is_consistent_and_restores(
    written: str, urls: tuple[str, str], tmp_path: Path
) -> None:
    backup, (_, empty) = tmp_path / "backup", urls
    made = back_up(written, backup, go_on)
    assert made.tables["events"].rows > 150
    assert made.tables["events"] == events_up_to(written, made.newest_position)
    assert made.tables["personal_data_keys"].rows > 0
    assert check(backup) == made
    assert restore(backup, empty, go_on) == made
    with closing(Servicing.from_url(empty)) as restored:
        assert restored.max_position() == made.newest_position
        rows = restored.page(0, made.newest_position, 2_000)
        assert all(restored.mapper.to_domain_event(row) for row in rows), "keys are there"
    store_on = Settings(event_store_url=empty)
    assert store_backlog(store_on, 50, seed=9) > made.newest_position, "it can be written to"
    with pytest.raises(CopyError, match="holds events"):
        restore(backup, empty, go_on)


def test_a_backup_never_overwrites_another(written: str, tmp_path: Path) -> None:
    back_up(written, tmp_path / "backup", go_on)
    with pytest.raises(CopyError, match="never replaces another one"):
        back_up(written, tmp_path / "backup", go_on)


def test_a_changed_backup_is_refused(written: str, urls: tuple[str, str], tmp_path: Path) -> None:
    backup, (_, empty) = tmp_path / "backup", urls
    back_up(written, backup, go_on)
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    backup.write_bytes(content)
    with pytest.raises(CopyError, match="was changed since it was made"):
        check(backup)
    with pytest.raises(CopyError, match="was changed since it was made"):
        restore(backup, empty, go_on)
    manifest = json.loads(manifest_of(backup).read_text())
    manifest_of(backup).write_text(json.dumps(manifest | {"tables": 7}))
    with pytest.raises(CopyError, match="cannot be read"):
        check(backup)


def test_a_restore_that_differs_from_the_backup_is_reported(
    written: str, urls: tuple[str, str], tmp_path: Path
) -> None:
    backup, (_, empty) = tmp_path / "backup", urls
    back_up(written, backup, go_on)
    manifest = json.loads(manifest_of(backup).read_text())
    manifest["tables"]["events"]["rows"] += 1
    manifest_of(backup).write_text(json.dumps(manifest))
    with pytest.raises(CopyError, match="not what was backed up: events"):
        restore(backup, empty, go_on)


def test_there_has_to_be_a_store(tmp_path: Path) -> None:
    with pytest.raises(CopyError, match="nothing to copy"):
        back_up(f"sqlite:///{tmp_path / 'nowhere.db'}", tmp_path / "backup", go_on)
    assert not (tmp_path / "nowhere.db").exists()
    assert not (tmp_path / "backup").exists()


def test_a_backup_is_restored_to_the_other_database(urls: tuple[str, str], tmp_path: Path) -> None:
    url, _ = urls
    store_backlog(Settings(event_store_url=url), 100)
    made = back_up(url, tmp_path / "backup", go_on)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    assert restore(tmp_path / "backup", other, go_on) == made
    assert all_rows(other) == all_rows(url)
