"""Aggregates kept in memory, and brought up to what others stored, are as those that are loaded."""

from pathlib import Path
from threading import Event
from typing import Any

from app.event_store.application import Servicing
from app.ingestion.stream.apply import apply_messages
from bench.shared.backlog import backlog
from tests.unit.ingestion.entries import message


def plain(value: Any) -> Any:
    """A value without identity, to be compared."""
    return {name: plain(each) for name, each in vars(value).items()} if hasattr(value, "__dict__") else value


def test_followed_is_as_loaded(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'events.db'}"
    ours, theirs, fresh = (Servicing.from_url(url, cache=cache) for cache in (1_000, 1_000, 0))
    messages = [message(dict(entry), f"{1772366400000 + n}-0") for n, entry in enumerate(backlog(1_500))]
    for start in range(0, len(messages), 200):
        apply_messages(ours, messages[start : start + 100], Event())
        apply_messages(theirs, messages[start + 100 : start + 200], Event())
    ours.catch_up()
    keys = {key for each in messages for key in each.concerns()}
    followed = {key: known for key in keys if (known := ours._cache.get(key)) is not None}
    assert len(followed) > 200, "what both know was not forgotten"
    loaded = fresh.load_many(followed)
    for key, aggregate in followed.items():
        assert plain(aggregate) == plain(loaded[key])
    for each in (ours, theirs, fresh):
        each.close()
