"""A PostgreSQL cluster for tests and benchmarks, made and removed by them, from the machine's programs."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.runtime.embedded import free_port

_DEBIAN = Path("/usr/lib/postgresql")


@contextmanager
def private_postgres(directory: Path) -> Iterator[str | None]:
    """The cluster's URL without a database's name; None where PostgreSQL is not installed."""
    if (programs := _programs()) is None:
        yield None
        return
    data, port = directory / "data", free_port()
    directory.mkdir(parents=True)
    account = _account(directory)

    def run(*command: object) -> None:
        subprocess.run(
            [str(part) for part in command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            user=account,
        )

    run(programs / "initdb", "-D", data, "-U", "billie", "-A", "trust", "-E", "UTF8")
    options = f"-p {port} -k {directory} -c listen_addresses=127.0.0.1"
    control = (programs / "pg_ctl", "-D", data, "-w")
    run(*control, "-l", directory / "postgres.log", "-o", options, "start")
    try:
        yield f"postgresql://billie@127.0.0.1:{port}"
    finally:
        run(*control, "-m", "fast", "stop")


def _programs() -> Path | None:
    if (found := shutil.which("initdb")) is not None:
        return Path(found).parent
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parents[1].name))
    return versions[-1].parent if versions else None


def _account(directory: Path) -> int | None:
    """The account to run as: PostgreSQL does not run as root."""
    if os.getuid():
        return None
    account = pwd.getpwnam("postgres")
    os.chown(directory, account.pw_uid, account.pw_gid)
    return account.pw_uid
