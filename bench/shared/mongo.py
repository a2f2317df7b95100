"""The MongoDB server of a benchmark: the real one where this machine can run it."""

import subprocess
from pathlib import Path

from app.runtime.servers.embedded import EmbeddedServer, embedded_mongo
from tools.mongod import real_mongod_on_path


def measured_mongo(folder: Path) -> EmbeddedServer:
    """Start it, and print which one it is."""
    if (missing := real_mongod_on_path()) is None:
        said = subprocess.run(["mongod", "--version"], capture_output=True, text=True, check=True)
        print(f"MongoDB: mongod, {said.stdout.partition(chr(10))[0]}", flush=True)
    else:
        print(f"MongoDB: the embedded server, as {missing}", flush=True)
    return embedded_mongo(folder)
