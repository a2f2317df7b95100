"""The whole system on one machine: servers, roles and a simulated lender, each a process."""

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, NamedTuple

from app.demo.screen import Say, introduce, status_line
from app.demo.supervisor import Supervisor
from app.errors import BillieError
from app.operations.servers import Servers
from app.projections.migrations import migrate
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.embedded import embedded_mongo, embedded_redis, free_port
from app.runtime.settings.settings import Settings

_PORTS = {"redis": 6379, "mongo": 27017, "ledger": 50051, "api": 8000}
_LOOK_EVERY_S = 0.5
_OUTAGE_S = 10.0


class DemoRunningError(BillieError):
    """The folder is in use by another demo."""


class Simulation(NamedTuple):
    """The size of the simulated lender."""

    customers: int
    """Those of the burst, which comes first."""
    rate: float
    """Entries a second after it."""


def demo(
    data: Path, simulation: Simulation, stop: Event, *, seconds: float | None, say: Say, show_status: Say
) -> None:
    """Run until ``stop``, or for so many seconds. Continues with the data in ``data``.

    Raises DemoRunningError if another demo uses the folder, EmbeddedServerError for a server that
    does not start, and ChildDiedError for a process that ends by itself. Everything is stopped on the
    way out: at once, if a KeyboardInterrupt arrives meanwhile.
    """
    with _servers(data, say) as (supervisor, servers, environment):
        with mongo_client(servers.settings) as client:
            list(migrate(client[servers.settings.mongo_db]))
        for role in ("ingest", "project", "api"):
            supervisor.start(role, role, environment=environment)
        size = ("--customers", str(simulation.customers), "--rate", str(simulation.rate))
        state = ("--state-file", str(data / "simulator.json"))
        supervisor.start("simulator", *size, *state, environment=environment, module="app.demo.simulator")
        while not stop.is_set() and not introduce(servers, say):
            supervisor.watch(0.05, stop)
        ends_at = float("inf") if seconds is None else monotonic() + seconds
        while not stop.is_set() and (left := ends_at - monotonic()) > 0:
            show_status(status_line(servers))
            supervisor.watch(min(_LOOK_EVERY_S, left), stop)


def servers_only(data: Path, stop: Event, say: Say) -> None:
    """Run Redis, MongoDB and the sandbox ledger until ``stop``, for the roles of another terminal.

    A server that is killed starts again ten seconds later. Raises as ``demo`` does.
    """
    with _servers(data, say) as (supervisor, _, _):
        for each in supervisor.processes:
            say(f"{each.name:15} process {each.pid}")
        say("")
        say("kill -STOP hangs one, kill -CONT resumes it; kill -9 ends it, and it starts again after 10 s.")
        say("In other terminals: billie migrate, then billie ingest, billie project and billie api.")
        say("")
        while not stop.is_set():
            stop.wait(_LOOK_EVERY_S)
            for each in supervisor.processes:
                if each.exit_code() is not None and not stop.wait(_OUTAGE_S):
                    each.start()
                    say(f"{each.name} was away for {_OUTAGE_S:.0f} s, and is process {each.pid} now.")


@contextmanager
def _servers(data: Path, say: Say) -> Iterator[tuple[Supervisor, Servers, dict[str, str]]]:
    """The servers, clients of them, and the environment of roles. Stops at the end what was started."""
    data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        running.enter_context(_locked(data))
        ports = {name: _port(name, usual, say) for name, usual in _PORTS.items()}
        settings_file = data / "settings.env"
        supervisor = Supervisor(data)
        running.callback(supervisor.stop)
        redis = supervisor.adopt(embedded_redis(data / "redis", ports["redis"]))
        mongo = supervisor.adopt(embedded_mongo(data / "mongo", ports["mongo"]))
        values: dict[str, Any] = {
            "redis_url": redis.url,
            "mongo_url": mongo.url,
            "event_store_url": f"sqlite:///{(data / 'events.db').resolve()}",
            "ledger_target": f"127.0.0.1:{ports['ledger']}",
            "api_host": "127.0.0.1",
            "api_port": ports["api"],
            "jwt_secret": _secret(data / "jwt-secret"),
            "console": "development",
            "session_secret": _secret(data / "session-secret"),
        }
        variables = {f"BILLIE_{name.upper()}": str(value) for name, value in values.items()}
        _write_private(settings_file, "".join(f"export {k}='{v}'\n" for k, v in variables.items()))
        books = ("--data", str(data / "ledger.db"))
        supervisor.start("ledger-sandbox", "ledger-sandbox", *books, environment=variables)
        servers = Servers(Settings(**values))
        running.callback(servers.close)
        say(f"Settings  . {settings_file}    # for billie commands in another terminal")
        say(f"Logs      {data}/*.log")
        yield supervisor, servers, variables


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Locks the folder. Raises DemoRunningError if another demo holds it."""
    with (data / "demo.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"Another demo is using {data}. Stop it first, or choose another folder with --data."
            raise DemoRunningError(msg) from error
        yield


def _port(name: str, usual: int, say: Say) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", usual))
        except OSError:
            port = free_port()
            say(f"Port {usual} is in use: {name} takes {port}.")
            return port
    return usual


def _secret(path: Path) -> str:
    """This demo's own signing secret, readable only by its user."""
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(48))
    return path.read_text()


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
