"""The workers of ``billie project``: one thread a projection folds new events while it holds the lease."""

import logging
from collections.abc import Callable
from threading import Event as Flag
from time import monotonic
from typing import Any

from pymongo.errors import AutoReconnect, PyMongoError

from app.event_store.errors import EVENT_STORE_ERRORS, OtherStoreError
from app.projections.engine.faults import Cause, ProjectionFault
from app.projections.engine.leases import LOOK_EVERY_S, Lease, LeaseLostError
from app.projections.engine.projector import Projector
from app.projections.rebuild.shadow import AbandonedShadows, finish_swap
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.observability.logging import where
from app.runtime.observability.metrics import LEASES_LOST
from app.runtime.servers.back_off import BackOff
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

_RETRY_S = 10.0
"""A stalled projection tries again after this long: the cause may have been fixed."""


class Worker:
    """Holds one projection's lease, and folds events as long as it does."""

    def __init__(
        self, projector: Projector, lease: Lease, on_moved: Callable[[Projector], None] = lambda _: None
    ) -> None:
        self.projector = projector
        self.lease = lease
        self.name = projector.projection.name
        self._abandoned = AbandonedShadows(projector.database, projector.projection)
        self._on_moved = on_moved
        self._stalled_by: str | None = None
        self._waiting_for: str | None = None
        self._caught_up_at, self._rests_until = 0, 0.0

    def rests(self) -> bool:
        """Whether it was caught up half a second ago or less, and the event store has no newer event.

        A step would find nothing to fold. What else it may meet in MongoDB can wait that long.
        """
        return monotonic() < self._rests_until and self.projector.newest() == self._caught_up_at

    def step(self, idle_s: float) -> float:
        """Fold one batch. Returns how long to wait before the next: 0 where more is waiting.

        Raises ProjectionFault when the projection stalls, with the reason stored and logged, and the errors
        of the event store and of MongoDB as they are.
        """
        began, self._rests_until = monotonic(), 0.0
        recorder = self.projector.recorder
        record = recorder.record()
        if not record:  # The first run; or it was deleted.
            recorder.begin(self.projector.projection.version)
            record = recorder.record()
        held = self.lease.held
        if not self.lease.holds(record):
            if held:
                self._lost(self.lease.holder(record))
            if not self.lease.take(record):
                holder = self.lease.holder(record)
                if holder not in (None, self._waiting_for):
                    log.info("%s is run by %s: waiting", self.name, holder, extra={"projection": self.name})
                    self._waiting_for = holder
                return LOOK_EVERY_S
            self._waiting_for = None
            finish_swap(self.projector.database, self.projector.projection)
            self.projector.clear()
            record = recorder.record()
        elif self.lease.is_wanted(record):
            log.info("%s: the lease goes to %s", self.name, record["lease"]["wantedBy"])
            self.lease.release()
            return LOOK_EVERY_S
        if (moved := self._fold(record)) is None:
            return LOOK_EVERY_S
        self._abandoned.drop_if_due()
        if self._stalled_by is not None or "standstill" in record:
            self.projector.recorder.recovered()
            log.info("%s moves again", self.name)
            self._stalled_by = None
        for identifier, aside in self.projector.set_aside.items():
            log.error(
                "%s: document %s is set aside at position %d, %s: %s. Fix the cause, then run "
                "`billie rebuild %s --id %s`",
                *(self.name, identifier, aside.position, aside.event, aside.error),
                *(self.name, identifier),
                extra={"projection": self.name, "aggregate": identifier, "position": aside.position},
            )
        if not moved:
            self._caught_up_at, self._rests_until = int(record["position"]), began + LOOK_EVERY_S
            return idle_s
        self._on_moved(self.projector)
        return 0

    def run(self, settings: Settings, heartbeats: Heartbeats, stop: Flag, *, drain: bool) -> None:
        """Step until ``stop`` is set, or with ``drain`` until caught up. Raises as :func:`run` says."""
        back_off, idle_s = BackOff(stop, self.name), settings.poll_ms / 1_000
        while not stop.is_set():
            try:
                wait = idle_s if self.rests() else self.step(idle_s)
            except ProjectionFault:
                if drain:
                    self.lease.let_go()
                    raise
                wait = _RETRY_S
            except (*EVENT_STORE_ERRORS, PyMongoError) as error:
                if drain and (back_off.failures or not isinstance(error, AutoReconnect)):
                    raise
                heartbeats.beat(self.name, well=False)
                back_off.failed(error)
                continue
            except Exception as error:
                # Stop them all: a thread that ended alone would keep its lease beating, and nobody took over.
                log.error("%s: a bug ends this process: %s", self.name, where(error))
                stop.set()
                self.lease.let_go()
                raise
            heartbeats.beat(self.name)
            back_off.went_well()
            if wait:
                if drain and self.projector.position() >= self.projector.newest():
                    break  # Some worker has folded the newest event.
                stop.wait(wait)
        self.lease.let_go()

    def _fold(self, record: dict[str, Any]) -> int | None:
        """By how many positions it moved; None where the lease was lost."""
        position = int(record["position"])
        try:
            return self.projector.step(position, self.lease.make_sure, self._abandoned.erased)
        except LeaseLostError:
            self._lost(self.lease.holder(self.projector.recorder.record()))
            return None
        except ProjectionFault as fault:
            self._stalls(fault, position)
            raise
        except OtherStoreError as error:
            other = ProjectionFault(
                f"{self.name} has reached position {position}, and {error}", Cause.OTHER_STORE
            )
            self._stalls(other, position)
            raise other from error
        except (*EVENT_STORE_ERRORS, PyMongoError):
            raise
        except Exception as error:
            # It stalls and says why; the others go on, and it tries again.
            text = f"{self.name} cannot go on from position {position}: a bug: {where(error)}"
            unforeseen = ProjectionFault(text, Cause.UNFORESEEN, position)
            self._stalls(unforeseen, position)
            raise unforeseen from error

    def _lost(self, holder: str | None) -> None:
        text = f"{self.lease.owner} lost the lease to {holder or 'nobody'}"
        log.warning("%s: %s", self.name, text, extra={"projection": self.name})
        LEASES_LOST.labels(self.name).inc()
        lost = ProjectionFault(text, Cause.LEASE_LOST)
        self.projector.recorder.stand_still(lost)  # Until the new holder moves on.
        self.projector.clear()

    def _stalls(self, fault: ProjectionFault, position: int) -> None:
        if str(fault) != self._stalled_by:
            about = {"projection": self.name, "position": position}
            log.error("%s. It stays at position %d; the others go on", fault, position, extra=about)
            self._stalled_by = str(fault)
        self.projector.recorder.stand_still(fault)
