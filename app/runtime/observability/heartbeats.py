"""Whether the loops of a process run: each beats once a turn, and the health routes ask."""

from math import inf
from time import monotonic

LIVE_WITHIN_S = 600.0
"""A turn may wait for a server that is away, again and again, for minutes: only what hangs takes longer."""
READY_WITHIN_S = 60.0


class Heartbeats:
    """When each loop last turned, and when it last did so without a server that was away."""

    def __init__(self) -> None:
        self._turned: dict[str, float] = {}
        self._well: dict[str, float] = {}

    def expect(self, *loops: str) -> None:
        """There are these loops: they are about to begin."""
        for each in loops:
            self._turned[each] = monotonic()
            self._well.pop(each, None)

    def beat(self, loop: str, *, well: bool = True) -> None:
        """A loop turned; ``well``: it met no server that was away."""
        self._turned[loop] = monotonic()
        if well:
            self._well[loop] = self._turned[loop]

    def beat_all(self, *, well: bool) -> None:
        """All loops turned, or what they wait for before they begin."""
        for each in list(self._turned):
            self.beat(each, well=well)

    def ages(self) -> dict[str, float]:
        """For how long each loop has not turned."""
        now = monotonic()
        return {name: now - at for name, at in list(self._turned.items())}

    def are_live(self) -> bool:
        """Whether no loop hangs. Before there is any, the process starts, and lives."""
        return all(age < LIVE_WITHIN_S for age in self.ages().values())

    def are_ready(self) -> bool:
        """Whether there are loops, and all of them turned well lately."""
        soonest = monotonic() - READY_WITHIN_S
        loops = list(self._turned)
        return bool(loops) and all(self._well.get(each, -inf) > soonest for each in loops)
