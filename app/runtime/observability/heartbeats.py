"""Whether the loops of a process run: each beats once a turn, and the health routes ask."""

from dataclasses import dataclass
from time import monotonic

LIVE_WITHIN_S = 600.0
"""A turn may wait for a server that is away, again and again, for minutes: only what hangs takes longer."""
READY_WITHIN_S = 60.0


@dataclass
class _Turns:
    at: float
    well_at: float | None = None


class Heartbeats:
    """When each loop last turned, and when it last did so without a server that was away."""

    def __init__(self) -> None:
        self._loops: dict[str, _Turns] = {}

    def expect(self, *loops: str) -> None:
        """There are these loops: they are about to begin."""
        now = monotonic()
        for each in loops:
            self._loops[each] = _Turns(now)

    def beat(self, loop: str, *, well: bool = True) -> None:
        """A loop turned; ``well``: it met no server that was away."""
        turns, now = self._loops[loop], monotonic()
        turns.at = now
        if well:
            turns.well_at = now

    def beat_all(self, *, well: bool) -> None:
        """All loops turned, or what they wait for before they begin."""
        for each in list(self._loops):
            self.beat(each, well=well)

    def ages(self) -> dict[str, float]:
        """For how long each loop has not turned."""
        now = monotonic()
        return {name: now - turns.at for name, turns in list(self._loops.items())}

    def are_live(self) -> bool:
        """Whether no loop hangs. Before there is any, the process starts, and lives."""
        return all(age < LIVE_WITHIN_S for age in self.ages().values())

    def are_ready(self) -> bool:
        """Whether there are loops, and all of them turned well lately."""
        soonest = monotonic() - READY_WITHIN_S
        turns = list(self._loops.values())
        return bool(turns) and all(each.well_at is not None and each.well_at > soonest for each in turns)
