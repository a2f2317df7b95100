"""Stable names: a consumer that comes back finds the entries that it left pending."""

import fcntl
import logging
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path

from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)


@contextmanager
def consumer_name(settings: Settings) -> Iterator[str]:
    """The first name that no other process of this machine and user holds, held until the end.

    The names are ``BILLIE_CONSUMER_NAME``, or else the host's name, then the same with ``-2``, ``-3`` and so
    on. A name is held by a lock on a file, which the system gives back however a process ends: after a
    ``kill -9``, the next one to start has the same name. Where the folder of those files cannot be used, the
    name is the first with the process's number, which no other has.
    """
    base = settings.consumer_name or socket.gethostname()
    folder = Path(tempfile.gettempdir()) / f"billie-consumers-{os.getuid()}"
    if (trouble := _trouble(folder)) is not None:
        log.warning("No stable consumer name: %s; what it leaves pending, others take over", trouble)
        yield f"{base}-{os.getpid()}"
        return
    for number in count(1):
        name = base if number == 1 else f"{base}-{number}"
        if (lock := _lock(folder / _file_name(settings, name))) is not None:
            try:
                yield name
            finally:
                os.close(lock)
            return


def _trouble(folder: Path) -> str | None:
    """Why the folder cannot be used, if so: on a machine of many users, another may have made it first."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        return f"{folder} cannot be made ({error.strerror})"
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        return f"{folder} is not a folder of this user"
    return None


def _file_name(settings: Settings, name: str) -> str:
    scope = "\0".join((settings.redis_url, settings.inbox_stream, settings.consumer_group, name))
    return f"{sha256(scope.encode()).hexdigest()[:32]}.lock"


def _lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
