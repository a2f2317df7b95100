"""One projection that is followed: its lease, its steps, and what is said when it stands."""

import logging
from collections.abc import Callable

from pymongo.errors import PyMongoError

from app.event_store.errors import EVENT_STORE_ERRORS
from app.projections.engine.faults import Cause, ProjectionFault
from app.projections.engine.leases import LOOK_EVERY_S, Lease, LeaseLostError
from app.projections.engine.steps import Engine
from app.projections.rebuild.swap import finish_swap
from app.runtime.observability.logging import where
from app.runtime.observability.metrics import LEASES_LOST

log = logging.getLogger(__name__)

_TRY_AGAIN_S = 10.0


class Following:
    """Takes the lease, and folds as long as it has it."""

    try_again_s = _TRY_AGAIN_S
    """After that a projection that stands tries again: somebody may have mended what stopped it."""

    def __init__(self, engine: Engine, lease: Lease, on_moved: Callable[[Engine], None]) -> None:
        self.engine = engine
        self.lease = lease
        self.name = engine.projection.name
        self._on_moved = on_moved
        self._standing: str | None = None
        self._waited_for: str | None = None

    def step(self, idle_s: float) -> float:
        """One batch. Returns for how long to wait before the next: 0 where there is more to do.

        Raises ProjectionFault when the projection stands, having stored and logged why; the drivers' errors
        as they are.
        """
        record = self.engine.recorder.record()
        if not record:  # The first time ever; or somebody deleted it.
            self.engine.recorder.begin(self.engine.projection.version)
            record = self.engine.recorder.record()
        held = self.lease.held
        if not self.lease.holds(record):
            if held:
                self._lost(self.lease.holder(record))
            if not self.lease.take(record):
                return self._wait_for(self.lease.holder(record))
            self._taken()
            record = self.engine.recorder.record()
        elif self.lease.is_wanted(record):
            log.info("%s gives its lease to %s", self.name, record["lease"]["wantedBy"])
            self.lease.release()
            return LOOK_EVERY_S
        try:
            moved = self.engine.step(int(record["position"]), self._fence)
        except LeaseLostError:
            self._lost(self.lease.holder(self.engine.recorder.record()))
            return LOOK_EVERY_S
        except ProjectionFault as fault:
            self._stands(fault, int(record["position"]))
            raise
        except (*EVENT_STORE_ERRORS, PyMongoError):
            raise
        except Exception as error:
            # It stands, with its reason told: the others go on, and it tries again.
            position = int(record["position"])
            text = f"{self.name} cannot go on from position {position}, by a fault of ours: {where(error)}"
            unforeseen = ProjectionFault(text, Cause.UNFORESEEN, position)
            self._stands(unforeseen, position)
            raise unforeseen from error
        self.engine.abandoned.drop_if_due()
        self._moves(clear=self._standing is not None or "standstill" in record)
        for identifier, aside in self.engine.set_aside.items():
            log.error(
                "%s: document %s is set aside at position %d, %s: %s. Mend what fails, then "
                "`billie rebuild %s --id %s`",
                *(self.name, identifier, aside.position, aside.event, aside.error),
                *(self.name, identifier),
                extra={"projection": self.name, "aggregate": identifier, "position": aside.position},
            )
        if moved:
            self._on_moved(self.engine)
            return 0
        return idle_s

    def _fence(self) -> None:
        """Before a batch is written: a process that stood still may have lost its lease, unknown to it."""
        if not self.lease.is_sure():
            self.lease.confirm()

    def is_through(self) -> bool:
        """Whether the projection has come to the newest event, whoever folded it."""
        return self.engine.position() >= self.engine.newest()

    def end(self) -> None:
        """Give the lease up."""
        self.lease.let_go()

    def _taken(self) -> None:
        self._waited_for = None
        finish_swap(self.engine.database, self.engine.projection)
        self.engine.clear()

    def _wait_for(self, holder: str | None) -> float:
        if holder is not None and holder != self._waited_for:
            log.info("%s is run by %s: this one waits", self.name, holder, extra={"projection": self.name})
            self._waited_for = holder
        return LOOK_EVERY_S

    def _lost(self, holder: str | None) -> None:
        text = f"{self.lease.owner} lost the lease to {holder or 'nobody'}"
        log.warning("%s: %s", self.name, text, extra={"projection": self.name})
        LEASES_LOST.labels(self.name).inc()
        self.engine.recorder.stand_still(Cause.LEASE_LOST, text)  # Until whoever has it moves on.
        self.engine.clear()

    def _stands(self, fault: ProjectionFault, position: int) -> None:
        if str(fault) != self._standing:
            about = {"projection": self.name, "position": position}
            log.error("%s. It stays at position %d; the others go on", fault, position, extra=about)
            self._standing = str(fault)
        self.engine.recorder.stands(fault)

    def _moves(self, *, clear: bool) -> None:
        if clear:
            self.engine.recorder.recovered()
            if self._standing is not None:
                log.info("%s goes on", self.name)
        self._standing = None
