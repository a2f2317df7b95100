"""The whole system on one machine: servers, roles and a simulated lender, each a process."""

import fcntl
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from urllib.request import Request, urlopen

import typer
from bson.decimal128 import Decimal128
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app.api.auth.development_tokens import issue_token
from app.errors import BillieError
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ingestion.stream.stream_info import group_info
from app.operations.servers import Servers
from app.projections.engine.positions import COLLECTION
from app.projections.migrations import migrate
from app.projections.read_models.versions import VERSIONS
from app.runtime.humanize import counted
from app.runtime.observability.logging import in_short
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.embedded import EmbeddedServer, embedded_mongo, embedded_redis, free_port, tail
from app.runtime.settings.settings import Settings

_SHOWN = ("customers", "loan-accounts", "conversations")
_PORTS = {"redis": 6379, "mongo": 27017, "ledger": 50051, "api": 8000}
_LOOK_EVERY_S = 0.5
_OUTAGE_S = 10.0
_PRACTICE = """
kill -STOP hangs one, kill -CONT resumes it; kill -9 ends it, and it starts again after 10 s.
In other terminals: billie migrate, then billie ingest, billie project and billie api.
"""


class DemoRunningError(BillieError):
    """The folder is in use by another demo."""


class ChildDiedError(BillieError):
    """A process ended by itself. The message has its name and the end of its log."""


def demo(
    data: Path, customers: int, rate: float, stop: Event, seconds: float | None, show: Callable[[str], None]
) -> None:
    """Run until ``stop``, or for so many seconds. Continues with the data in ``data``; shows its status.

    The simulated lender begins with so many customers; then it publishes so many entries a second. Raises
    DemoRunningError if another demo uses the folder, EmbeddedServerError for a server that does not start,
    and ChildDiedError for a process that ends by itself. Everything is stopped on the way out: at once, if a
    KeyboardInterrupt arrives meanwhile.
    """
    with _servers(data) as (supervisor, servers, environment):
        with mongo_client(servers.settings) as client:
            list(migrate(client[servers.settings.mongo_db]))
        for role in ("ingest", "project", "api"):
            supervisor.start(role, role, environment=environment)
        size = ("--customers", str(customers), "--rate", str(rate))
        state = ("--state-file", str(data / "simulator.json"))
        supervisor.start("simulator", *size, *state, environment=environment, module="app.demo.simulator")
        while not stop.is_set() and not _introduce(servers):
            supervisor.watch(0.05, stop)
        ends_at = float("inf") if seconds is None else monotonic() + seconds
        while not stop.is_set() and (left := ends_at - monotonic()) > 0:
            try:
                show(_status_line(servers))
            except (RedisError, PyMongoError, *EVENT_STORE_ERRORS) as error:
                show(f"No answer: {in_short(error)}")
            supervisor.watch(min(_LOOK_EVERY_S, left), stop)


def servers_only(data: Path, stop: Event) -> None:
    """Run Redis, MongoDB and the sandbox ledger until ``stop``, for the roles of another terminal.

    A server that is killed starts again ten seconds later. Raises as ``demo`` does.
    """
    with _servers(data) as (supervisor, _, _):
        for each in supervisor.processes:
            typer.echo(f"{each.name:15} process {each.pid}")
        typer.echo(_PRACTICE)
        while not stop.is_set():
            stop.wait(_LOOK_EVERY_S)
            for each in supervisor.processes:
                if each.exit_code() is not None and not stop.wait(_OUTAGE_S):
                    each.start()
                    typer.echo(f"{each.name} was away for {_OUTAGE_S:.0f} s, and is process {each.pid} now.")


def _introduce(servers: Servers) -> bool:
    """Print where to begin; False until there is a loan with a balance, which the API serves."""
    settings, database = servers.settings, servers.database
    indebted = {"accountStatus": "active", "balances.currentBalance": {"$gt": Decimal128("50.00")}}
    account = database["loan-accounts"].find_one(indebted | {"customerName": {"$exists": True}})
    if account is None:
        return False
    base = f"http://{settings.api_host}:{settings.api_port}"
    token, customer = issue_token(settings, "demo", "admin"), f"{base}/v1/customers/{account['customerId']}"
    if not _is_served(customer, token):
        return False
    typer.echo(f"Console   {base}/  (choose a name and a role)")
    typer.echo(f"REST API  {base}/docs")
    typer.echo("")
    typer.echo(f"TOKEN={token}")
    typer.echo(f"curl -sH \"Authorization: Bearer $TOKEN\" '{customer}'")
    typer.echo(f"Their loan account, with a balance: ACC={account['_id']}")
    typer.echo("")
    return True


def _status_line(servers: Servers) -> str:
    """Messages, events, lag and documents in one line. Raises the errors of the servers."""
    settings, redis, database = servers.settings, servers.redis, servers.database
    group = group_info(redis, settings.inbox_stream, settings.consumer_group)
    newest = servers.event_store().max_position()
    found = database[COLLECTION].find({"_id": {"$in": list(VERSIONS)}})
    positions = [record["position"] for record in found]
    documents = ", ".join(f"{database[name].estimated_document_count():,} {name}" for name in _SHOWN)
    return (
        f"{redis.xlen(settings.inbox_stream):,} messages ({group['pending'] if group else 0:,} pending, "
        f"{counted(len(servers.dead_letters()), 'dead letter')}), {newest:,} events "
        f"(projections {newest - min(positions, default=0):,} behind), {documents}"
    )


def _is_served(url: str, token: str) -> bool:
    request = Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class _Supervisor:
    """Runs servers, and roles with their logs in one folder."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._servers: list[EmbeddedServer] = []
        self._roles: list[EmbeddedServer] = []

    @property
    def processes(self) -> list[EmbeddedServer]:
        return self._servers + self._roles

    def adopt(self, server: EmbeddedServer) -> EmbeddedServer:
        """Watch a running server as well, and stop it after all roles."""
        self._servers.append(server)
        return server

    def start(
        self, name: str, *arguments: str, environment: Mapping[str, str], module: str = "app.cli.main"
    ) -> None:
        """Start ``python -m module arguments`` without waiting for it."""
        command = [sys.executable, "-m", module, *arguments]
        log = self._logs / f"{name}.log"
        self._roles.append(EmbeddedServer(name, command, "", 0, log, lambda _: True, environment))

    def watch(self, seconds: float, stop: Event) -> None:
        """Wait that long, or for ``stop``. Raises ChildDiedError if a process ended by itself."""
        stop.wait(seconds)
        for each in self.processes:
            if not stop.is_set() and (code := each.exit_code()) is not None:
                end = tail(each.log_path)
                msg = f"{each.name} ended by itself, with code {code}. The end of {each.log_path}:\n{end}"
                raise ChildDiedError(msg)

    def stop(self) -> None:
        """Stop the roles, then the servers; on a KeyboardInterrupt, kill all at once."""
        try:
            for role in self._roles:
                if role.exit_code() is None:
                    os.kill(role.pid, signal.SIGTERM)
            for each in reversed(self.processes):
                each.stop()
        except KeyboardInterrupt:
            for each in self.processes:
                each.kill()
            raise


@contextmanager
def _servers(data: Path) -> Iterator[tuple[_Supervisor, Servers, dict[str, str]]]:
    """The servers, clients of them, and the environment of roles. Stops at the end what was started."""
    data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        running.enter_context(_locked(data))
        ports = {name: running.enter_context(_port(name, usual)) for name, usual in _PORTS.items()}
        settings_file = data / "settings.env"
        supervisor = _Supervisor(data)
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
        typer.echo(f"Settings  . {settings_file}    # for billie commands in another terminal")
        typer.echo(f"Logs      {data}/*.log")
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


@contextmanager
def _port(name: str, usual: int) -> Iterator[int]:
    """The usual port, or a free one. A demo claims it, before it is used, by the UDP port of that number."""
    with socket.socket(type=socket.SOCK_DGRAM) as claim:
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", usual))
            claim.bind(("127.0.0.1", usual))
        except OSError:
            port = free_port()
            typer.echo(f"Port {usual} is in use: {name} takes {port}.")
            yield port
        else:
            yield usual


def _secret(path: Path) -> str:
    """This demo's own signing secret, readable only by its user."""
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(48))
    return path.read_text()


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
