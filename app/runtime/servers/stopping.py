"""A clean stop: the first SIGTERM or SIGINT sets a flag, and the work in progress is finished."""

import os
import signal
from threading import Event, Thread
from types import FrameType
from typing import Any, Self

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignal(Event):
    """An event that the signals set, while this is entered. A second SIGINT interrupts at once."""

    def __init__(self) -> None:
        super().__init__()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def also_at_eof(self) -> None:
        """Set it too when standard input ends: the process that started this one is gone."""
        Thread(target=self._wait_for_eof, daemon=True).start()

    def _wait_for_eof(self) -> None:
        while os.read(0, 1_024):  # Not through sys.stdin, whose lock would be held as the process ends.
            continue
        self.set()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.set()
