"""Which of two reports of a field counts: the contract's rules "Stale snapshots" and "Any order"."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from app.aggregates.personal import Json

T = TypeVar("T")


class FieldStamps:
    """Remembers, for each field, the upstream time of the report that set it.

    An older report does not overwrite a newer one if both carry a time; otherwise arrival decides. An
    ``initial`` report (``account.created.v1``, say) only fills gaps: a creation that arrives late, or
    again, resets nothing that later messages set.
    """

    def __init__(self) -> None:
        self.known: dict[str, tuple[datetime | None, bool]] = {}

    def accepts(self, name: str, at: datetime | None, *, initial: bool = False) -> bool:
        """Whether a report of field ``name``, made at ``at``, may set it."""
        known = self.known.get(name)
        if known is None:
            return True
        known_at, known_initial = known
        if initial != known_initial:
            return known_initial
        return at is None or known_at is None or at >= known_at

    def fresh(
        self, report: Mapping[str, T], at: datetime | None, *, prefix: str = "", initial: bool = False
    ) -> dict[str, T]:
        """The fields of ``report`` that are present (not None) and may be set.

        ``prefix`` precedes their names here, so that two things may have fields of one name.
        """
        return {
            name: value
            for name, value in report.items()
            if value is not None and self.accepts(f"{prefix}{name}", at, initial=initial)
        }

    def note(
        self, names: Iterable[str], at: datetime | None, *, prefix: str = "", initial: bool = False
    ) -> None:
        """Remember that these fields were set by a report made at ``at``."""
        for name in names:
            self.known[f"{prefix}{name}"] = (at, initial)

    def time_of(self, name: str) -> datetime | None:
        """The upstream time of the report that set a field; None if there is none."""
        return self.known.get(name, (None, False))[0]

    def drop(self, name: str) -> None:
        """Forget who set a field."""
        self.known.pop(name, None)


class TreeStamps:
    """The same for the leaves of a nested object; a list is a leaf.

    If reports disagree whether something is a leaf or an object, the newer one counts too.
    """

    def __init__(self) -> None:
        self.leaves = FieldStamps()
        self.objects = FieldStamps()

    def fresh(self, data: Mapping[str, Json], at: datetime | None, path: str = "") -> dict[str, Json]:
        """``data`` without empty objects, nulls, and what is older than what is known."""
        fresh: dict[str, Json] = {}
        for key, value in data.items():
            here = f"{path}{_STEP}{key}"
            if not isinstance(value, dict):
                if value is not None and self.leaves.accepts(here, at) and self.objects.accepts(here, at):
                    fresh[key] = value
            elif self.leaves.accepts(here, at) and (kept := self.fresh(value, at, here)):
                fresh[key] = kept
        return fresh

    def note(self, data: Mapping[str, Json], at: datetime | None, path: str = "") -> None:
        """Remember that these leaves were set by a report made at ``at``."""
        for key, value in data.items():
            here = f"{path}{_STEP}{key}"
            if isinstance(value, dict):
                if self.objects.accepts(here, at):
                    self.objects.note([here], at)
                self.note(value, at, here)
            else:
                self.leaves.note([here], at)


_STEP = "\0"  # Ingestion lets no key hold it, so no two paths are alike.
