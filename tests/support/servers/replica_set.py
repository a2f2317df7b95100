"""A replica set of three real ``mongod``, whose replication can be held, and whose primary can be lost.

Its elections are quick: a member counts as gone after a second.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from app.runtime.servers.embedded import EmbeddedServer, free_port
from tests.support.waiting import until

_SETTINGS = {"electionTimeoutMillis": 1_000, "heartbeatIntervalMillis": 200}


class ReplicaSet:
    """The three members, started until the block ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.members: dict[str, EmbeddedServer] = {}

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            for number in range(3):
                member = _member(self._folder / str(number))
                starting.callback(member.kill)  # Its data is thrown away.
                self.members[f"127.0.0.1:{member.port}"] = member
            self._stop = starting.pop_all()
        members = [{"_id": number, "host": address} for number, address in enumerate(self.members)]
        with self._client(next(iter(self.members))) as client:
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": members, "settings": _SETTINGS})
        self.primary()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.close()

    @property
    def url(self) -> str:
        """Of all members."""
        return f"mongodb://{','.join(self.members)}/?replicaSet=rs0&heartbeatFrequencyMS=500"

    def primary(self) -> str:
        """The address of the one that others can write to; waits for an election."""
        found: list[str] = []

        def is_elected() -> bool:
            found[:] = [each for each in self.members if self._is_primary(each)]
            return len(found) == 1

        until(is_elected, what="a primary")
        return found[0]

    def hold_replication(self) -> None:
        """From here on, the primary's writes reach no other member, as if it were cut off from them."""
        primary = self.primary()
        self._replicate("alwaysOn", [each for each in self.members if each != primary])

    def lose_primary(self) -> EmbeddedServer:
        """``kill -9``; what it alone had is lost. Returns it, once another one is elected."""
        gone = self.primary()
        self.members[gone].kill()
        self._replicate("off", [each for each in self.members if each != gone])
        self.primary()
        return self.members[gone]

    def step_down(self) -> None:
        """The primary gives way, and another is elected."""
        with self._client(self.primary()) as client:
            client.admin.command("replSetStepDown", 5, force=True)
        self.primary()

    @contextmanager
    def paused_primary(self) -> Iterator[None]:
        """SIGSTOP; within the block, another one is elected. After it, this one still believes that it is."""
        paused = self.members[self.primary()]
        os.kill(paused.pid, signal.SIGSTOP)
        try:
            self.primary()
            yield
        finally:
            os.kill(paused.pid, signal.SIGCONT)

    def _replicate(self, mode: str, members: list[str]) -> None:
        for each in members:
            with self._client(each) as client:
                client.admin.command("configureFailPoint", "stopReplProducer", mode=mode)

    def _is_primary(self, address: str) -> bool:
        try:
            with self._client(address) as client:
                return bool(client.admin.command("hello")["isWritablePrimary"])
        except PyMongoError:
            return False

    def _client(self, address: str) -> MongoClient[dict[str, Any]]:
        return MongoClient(f"mongodb://{address}/?directConnection=true", timeoutMS=2_000)


def _member(folder: Path) -> EmbeddedServer:
    if (mongod := shutil.which("mongod")) is None:
        pytest.skip("a replica set of three needs the real mongod")
    (folder / "data").mkdir(parents=True)
    port = free_port()
    command = [
        *(mongod, "--bind_ip", "127.0.0.1", "--port", str(port), "--dbpath", str(folder / "data")),
        *("--replSet", "rs0", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"),
        *("--nounixsocket", "--quiet"),
        *("--setParameter", "enableTestCommands=1"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]
    url = f"mongodb://127.0.0.1:{port}/?directConnection=true"
    return EmbeddedServer("mongod", command, url, port, folder / "mongod.log", _answers)


def _answers(url: str) -> bool:
    try:
        with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=300) as client:
            return bool(client.admin.command("ping"))
    except PyMongoError:
        return False
