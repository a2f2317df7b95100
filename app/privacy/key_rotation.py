"""Wraps the data keys of a store by the current master key: a page a transaction, as often as one likes."""

from collections.abc import Callable
from typing import NamedTuple

from app.event_store.application import Servicing
from app.privacy.key_tables import StoredKey

_PAGE = 1_000


class Rotated(NamedTuple):
    """How many data keys were wrapped anew, of how many, and how many are left."""

    done: int
    total: int

    @property
    def left(self) -> int:
        return max(0, self.total - self.done)


def rotate_keys(servicing: Servicing, on_page: Callable[[Rotated], bool] = lambda _: True) -> Rotated:
    """Wrap anew what another master key wraps, or none. The data keys stay, so nothing else changes.

    ``on_page`` says whether to go on. Where nothing is left, the names of other master keys are forgotten.
    Raises MasterKeyError for a data key that none of the master keys opens, and one of EVENT_STORE_ERRORS.
    """
    tables, masters = servicing.privacy.tables, servicing.privacy.keys.masters
    tables.create()
    total = sum(count for master, count in tables.count().items() if master != masters.current)
    done = 0
    goes_on = True
    while goes_on and (page := tables.not_wrapped_by(masters.current, _PAGE)):
        pairs = []
        for old in page:
            key = masters.unwrap(old.originator_id, old.wrapped, old.master)
            new = StoredKey(old.originator_id, masters.wrap(old.originator_id, key), masters.current)
            pairs.append((old, new))
        tables.rewrap(pairs)
        done += len(pairs)
        goes_on = on_page(Rotated(done, max(total, done)))
    left = sum(count for master, count in tables.count().items() if master != masters.current)
    if not left:
        tables.forget_masters(masters.current)
    tables.forget_log()
    return Rotated(done, done + left)
