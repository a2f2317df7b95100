"""Disks that are full: a file system of a few megabytes, or a limit on what processes may write."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Protocol

_SMALL_FILE = 64 * 1024


class Disk(Protocol):
    """Where the event store lies."""

    folder: Path
    what: str

    def fill(self) -> None:
        """Nothing more can be written."""

    def clear(self) -> None:
        """There is room again."""


class SmallDisk:
    """A file system in memory, which a file of ours fills: ENOSPC, as on any full disk."""

    what = "a size-limited tmpfs, filled to its last block: ENOSPC"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        # Twice: what the store frees meanwhile is taken as well.
        with self._ballast.open("ab") as file:
            while free := os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize:
                try:
                    os.posix_fallocate(file.fileno(), self._ballast.stat().st_size, free)
                except OSError:
                    break  # The store was quicker: there is no room for so much any more.

    def clear(self) -> None:
        self._ballast.unlink(missing_ok=True)


class LimitedDisk:
    """Where nobody may mount: the store's writers may write no file beyond 64 KiB. EFBIG, and only they."""

    what = "RLIMIT_FSIZE of the processes that write to it: EFBIG (nobody may mount a tmpfs here)"

    def __init__(self, folder: Path, pids: Callable[[], Iterable[int]]) -> None:
        self.folder = folder
        self._pids = pids

    def fill(self) -> None:
        self._limit(_SMALL_FILE)

    def clear(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        for pid in self._pids():
            try:
                _soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
            except ProcessLookupError:
                continue  # It was killed, and its successor has no limit yet.


@contextmanager
def small_disk(megabytes: int, folder: Path, pids: Callable[[], Iterable[int]]) -> Iterator[Disk]:
    """A disk for the event store. ``folder`` and ``pids`` of its writers are for where nobody may mount."""
    # Not below pytest's own folder: what is mounted there, when a run is killed, is in the next one's way.
    place = Path(mkdtemp(prefix="billie-fire-"))
    mounting = ("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(place))
    if shutil.which("mount") is None or subprocess.run(mounting, capture_output=True).returncode:
        place.rmdir()
        yield LimitedDisk(folder, pids)
        return
    try:
        yield SmallDisk(place)
    finally:
        subprocess.run(("umount", "-l", str(place)), check=True)
        place.rmdir()
