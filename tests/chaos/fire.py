"""The fire: a seeded schedule of faults, carried out at their times over a running system."""

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock
from time import monotonic

from tests.chaos.faults.links import Mode
from tests.chaos.faults.processes import Target
from tests.chaos.faults.schedule import Kind, Strike
from tests.chaos.scene import Scene
from tests.chaos.violations import Violations

_AT_ONCE = 12
_UP_WITHIN_S = 180.0
_A_BATCH_WITHIN_S = 5.0
_MODES = {Kind.DROP: Mode.DROPPED, Kind.SLOW: Mode.SLOW, Kind.CUT: Mode.CUT}


class Fire:
    """Carries strikes out. ``sent`` tells how many messages were published until now."""

    def __init__(self, scene: Scene, wrong: Violations, sent: Callable[[], int]) -> None:
        self._scene, self._wrong, self._sent = scene, wrong, sent
        self._on_store, self._counting, self._over = Lock(), Lock(), Event()
        self.struck: Counter[Kind] = Counter()
        self.messages: Counter[Kind] = Counter()
        """Published while a fault of that kind was in force."""
        self.in_a_batch = 0
        """Consumers killed between reading a batch and its acknowledgement."""

    def burn(self, strikes: Sequence[Strike]) -> None:
        """Until the last of them is over. Raises what a strike raised: the fire itself failed."""
        began = monotonic()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="strike") as threads:
            burning = []
            for strike in strikes:
                Event().wait(max(0.0, began + strike.at_s - monotonic()))
                burning.append(threads.submit(self._carry_out, strike))
                for each in burning:
                    if each.done():
                        each.result()
            for each in burning:
                each.result()

    def _carry_out(self, strike: Strike) -> None:
        before = self._sent()
        with self._struck(strike):
            sys.stdout.write(f"{strike.at_s:7.1f} s  {strike.kind} {strike.target} {strike.seconds:.1f} s\n")
            Event().wait(strike.seconds)
        with self._counting:
            self.struck[strike.kind] += 1
            self.messages[strike.kind] += self._sent() - before

    @contextmanager
    def _struck(self, strike: Strike) -> Iterator[None]:
        """While entered, the fault is in force; at the end, what it struck is at work again."""
        scene = self._scene
        if strike.kind in _MODES:
            with self._link(strike):
                yield
        elif strike.kind in (Kind.FULL, Kind.LOCK):
            with self._on_store:
                self._wrong.during = f"{strike.kind} of {strike.target}"
                with scene.store.locked() if strike.kind is Kind.LOCK else self._full():
                    yield
        else:
            target = scene.processes[strike.target]
            with target.striking:
                self._wrong.during = f"{strike.kind} of {strike.target}"
                target.struck.begin()
                with self._process(strike, target):
                    yield
                self._until_up(target)
                target.struck.end()

    @contextmanager
    def _link(self, strike: Strike) -> Iterator[None]:
        link = self._scene.links[strike.target]
        self._wrong.during = f"{strike.kind} of {strike.target}"
        link.struck.begin()
        link.set(_MODES[strike.kind])
        yield
        link.set(Mode.OPEN)
        link.struck.end()

    @contextmanager
    def _full(self) -> Iterator[None]:
        self._scene.store.disk.fill()
        try:
            yield
        finally:
            self._scene.store.disk.clear()
            self._scene.store.recover()

    @contextmanager
    def _process(self, strike: Strike, target: Target) -> Iterator[None]:
        if strike.kind is Kind.KILL:
            if target.name.startswith("ingest"):
                self._wait_for_a_batch(target.name)
                target.kill()
                self.in_a_batch += self._scene.has_in_hand(target.name)
            else:
                target.kill()
            yield
            target.start()
        elif strike.kind is Kind.STOP:
            target.signal(signal.SIGSTOP)
            yield
            target.signal(signal.SIGCONT)
        else:
            target.clock.jump(strike.jump_s)
            yield
            target.clock.jump(0)

    def _wait_for_a_batch(self, consumer: str) -> None:
        """Return when it has entries in hand: it is worth more to kill it then. Or time out."""
        until = monotonic() + _A_BATCH_WITHIN_S
        while monotonic() < until and not self._scene.has_in_hand(consumer):
            Event().wait(0.002)

    def _until_up(self, target: Target) -> None:
        until = monotonic() + _UP_WITHIN_S
        while not target.is_up():
            if monotonic() > until:
                self._wrong.add(f"{target.name} did not come up within {_UP_WITHIN_S:g} s")
                return
            Event().wait(0.05)
