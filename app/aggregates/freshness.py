"""Which of two reports of one field stands: the contract's "Stale snapshots" and "Any order" rules."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any


class FieldStamps:
    """Remembers, for each field, the upstream time of the report that set it.

    An older report does not overwrite a newer one where both carry a time; otherwise arrival
    decides. What an ``initial`` report said (``account.created.v1``, say) only fills gaps: a
    creation that arrives late, or again, resets nothing that later messages set.
    """

    def __init__(self) -> None:
        self._stamps: dict[str, tuple[datetime | None, bool]] = {}

    def accepts(self, name: str, at: datetime | None, *, initial: bool = False) -> bool:
        """Whether a report of field ``name``, made at ``at``, may set it."""
        known = self._stamps.get(name)
        if known is None:
            return True
        known_at, known_initial = known
        if initial != known_initial:
            return known_initial
        return at is None or known_at is None or at >= known_at

    def fresh(
        self, report: Mapping[str, Any], at: datetime | None, *, initial: bool = False
    ) -> dict[str, Any]:
        """The fields of ``report`` that are present (not None) and may be set."""
        return {
            name: value
            for name, value in report.items()
            if value is not None and self.accepts(name, at, initial=initial)
        }

    def note(self, names: Iterable[str], at: datetime | None, *, initial: bool = False) -> None:
        """Remember that these fields were set by a report made at ``at``."""
        for name in names:
            self._stamps[name] = (at, initial)

    def adopt(self, old_prefix: str, new_prefix: str) -> None:
        """Rename the fields that begin with ``old_prefix``; what is known by the new name stays."""
        for name in [name for name in self._stamps if name.startswith(old_prefix)]:
            stamp = self._stamps.pop(name)
            self._stamps.setdefault(new_prefix + name.removeprefix(old_prefix), stamp)
