"""What must never happen, and did: with the fault that it came with."""

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Violations:
    """Any thread may add. ``during``: the fault that began last."""

    during: str = "no fault"
    complaints: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    _adding: Lock = field(default_factory=Lock)

    def add(self, what: str) -> None:
        """One more."""
        with self._adding:
            self.complaints.append(f"[{self.during}] {what}")
            self.counted[self.during.partition(" of ")[0]] += 1
