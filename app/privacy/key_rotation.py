"""Wraps a store's data keys by the current master key, a page a transaction."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from app.privacy.key_tables import KeyTables
from app.privacy.master_keys import MasterKeys

_PAGE = 1_000


class Rotated(NamedTuple):
    """How many data keys were rewrapped, and of how many."""

    done: int
    total: int

    @property
    def left(self) -> int:
        return max(0, self.total - self.done)


def count_by_master(tables: KeyTables) -> dict[str, int]:
    """How many data keys each master key wraps, by its name."""
    with tables.transaction(commit=False) as execute:
        return dict(execute(f"SELECT master, COUNT(*) FROM {tables.keys} GROUP BY master", ()))


def rotate_keys(
    tables: KeyTables, masters: MasterKeys, on_page: Callable[[Rotated], bool] = lambda _: True
) -> Rotated:
    """Rewrap the data keys that another master key wraps, or none. The data keys stay the same.

    ``on_page`` says whether to continue. When nothing is left, the names of other master keys are removed.
    Raises MasterKeyError for a data key that no master key opens, and one of EVENT_STORE_ERRORS.
    """
    total, done, goes_on = _count_others(tables, masters), 0, True
    while goes_on and (page := _rewrap_page(tables, masters)):
        done += page
        goes_on = on_page(Rotated(done, max(total, done)))
    left = _count_others(tables, masters)
    if not left:
        with tables.transaction(commit=True) as execute:
            execute(
                f"DELETE FROM {tables.facts} WHERE name LIKE 'master:%' AND name <> ? AND NOT EXISTS "
                f"(SELECT 1 FROM {tables.keys} WHERE 'master:' || master = name)",
                (f"master:{masters.current}",),
            )
    tables.purge()
    return Rotated(done, done + left)


def _count_others(tables: KeyTables, masters: MasterKeys) -> int:
    return sum(count for master, count in count_by_master(tables).items() if master != masters.current)


def _rewrap_page(tables: KeyTables, masters: MasterKeys) -> int:
    """Returns how many keys it rewrapped; one that an erasure destroyed meanwhile stays destroyed."""
    with tables.transaction(commit=False) as execute:
        rows = execute(
            f"SELECT originator_id, wrapped, master FROM {tables.keys} WHERE master <> ? LIMIT {_PAGE}",
            (masters.current,),
        )
    rewrapped = []
    for identifier, wrapped, master in rows:
        key = masters.unwrap(UUID(identifier), bytes(wrapped), master)
        rewrapped.append((masters.wrap(UUID(identifier), key), masters.current, identifier, master))
    with tables.transaction(commit=True) as execute:
        tables.removing(execute)
        for row in rewrapped:
            execute(
                f"UPDATE {tables.keys} SET wrapped = ?, master = ? WHERE originator_id = ? AND master = ?",
                row,
            )
        tables.note_master(execute, masters.current)
    return len(rewrapped)
