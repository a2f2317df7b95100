"""Which of two reports of a field counts: the contract's rules "Stale snapshots" and "Any order"."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from app.aggregates.personal import Json

T = TypeVar("T")


class FieldStamps:
    """Remembers, for each field, the time of the report that set it.

    An older report does not overwrite a newer one. One ``in_passing`` (a message about something else names a
    customer, say) only fills gaps: any other report outranks it.
    """

    def __init__(self) -> None:
        self.known: dict[str, tuple[bool, datetime]] = {}
        """Whether it was a report of its own, and its time."""

    def accepts(self, name: str, at: datetime, *, in_passing: bool = False) -> bool:
        """Whether a report of field ``name``, made at ``at``, may set it."""
        known = self.known.get(name)
        return known is None or (not in_passing, at) >= known

    def fresh(self, report: Mapping[str, T], at: datetime, *, prefix: str = "") -> dict[str, T]:
        """The fields of ``report`` that are present (not None) and may be set.

        ``prefix`` precedes their names here, so that two things may have fields of one name.
        """
        return {
            name: value
            for name, value in report.items()
            if value is not None and self.accepts(f"{prefix}{name}", at)
        }

    def note(self, names: Iterable[str], at: datetime, *, prefix: str = "", in_passing: bool = False) -> None:
        """Remember that these fields were set by a report made at ``at``."""
        for name in names:
            self.known[f"{prefix}{name}"] = (not in_passing, at)

    def time_of(self, name: str) -> datetime | None:
        """The time of the report that set a field; None if there is none."""
        known = self.known.get(name)
        return None if known is None else known[1]


class TreeStamps:
    """The same for the leaves of a nested object; a list is a leaf.

    If reports disagree whether something is a leaf or an object, the newer one counts too.
    """

    def __init__(self) -> None:
        self.leaves = FieldStamps()
        self.objects = FieldStamps()

    def fresh(self, data: Mapping[str, Json], at: datetime, path: str = "") -> dict[str, Json]:
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

    def note(self, data: Mapping[str, Json], at: datetime, path: str = "") -> None:
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
