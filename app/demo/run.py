"""The whole system on one machine: servers, roles and a simulated lender, each a process."""

import fcntl
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from urllib.request import Request, urlopen

from app.api.auth.development_tokens import issue_token
from app.demo.state import account_in_debt, example_customer, status_line
from app.demo.supervisor import Supervisor
from app.errors import BillieError
from app.operations.servers import Servers
from app.runtime.servers.embedded import embedded_mongo, embedded_redis, free_port
from app.runtime.settings.settings import Settings

Say = Callable[[str], None]


class DemoRunningError(BillieError):
    """The folder is in use by another demo."""


_PORTS = {"redis": 6379, "mongo": 27017, "ledger": 50051, "api": 8000}


def demo(
    data: Path,
    customers: int,
    stop: Event,
    *,
    rate: float,
    seconds: float | None,
    say: Say,
    show_status: Say,
) -> None:
    """Run until ``stop``, or for so many seconds. Continues with the data in ``data``.

    Raises DemoRunningError if another demo uses the folder, EmbeddedServerError for a server that
    does not start, and ChildDiedError for a process that ends by itself. Everything is stopped on the
    way out: at once, if a KeyboardInterrupt arrives meanwhile.
    """
    data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        running.enter_context(_locked(data))
        ports = {name: _port(name, usual, say) for name, usual in _PORTS.items()}
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
        settings = Settings(**values)
        variables = {f"BILLIE_{name.upper()}": str(value) for name, value in values.items()}
        _write_private(data / "settings.env", "".join(f"{k}='{v}'\n" for k, v in variables.items()))
        environment = os.environ | variables
        start = partial(supervisor.start, environment=environment)
        supervisor.run("migrate", "migrate", environment=environment)
        start("ledger-sandbox", "ledger-sandbox", "--data", str(data / "ledger.db"))
        start("ingest", "ingest")
        start("project", "project")
        start("api", "api")
        start(
            "simulator",
            *("--customers", str(customers), "--rate", str(rate)),
            *("--state-file", str(data / "simulator.json")),
            module="app.demo.simulator",
        )
        running.callback((servers := Servers(settings)).close)
        _introduce(servers, supervisor, stop, data, say)
        ends_at = None if seconds is None else monotonic() + seconds
        while not stop.is_set() and (ends_at is None or monotonic() < ends_at):
            show_status(status_line(servers))
            supervisor.watch(0.5 if ends_at is None else min(0.5, max(0.0, ends_at - monotonic())), stop)


def _introduce(servers: Servers, supervisor: Supervisor, stop: Event, data: Path, say: Say) -> None:
    """Print what runs where, once there is a customer to show."""
    settings = servers.settings
    base = f"http://{settings.api_host}:{settings.api_port}"
    token = issue_token(settings, "demo", "admin")
    while (customer := example_customer(servers)) is None or not _served(
        f"{base}/v1/customers/{customer}", token
    ):
        supervisor.watch(0.05, stop)
        if stop.is_set():
            return
    say(f"Console    {base}/  (choose a name and a role)")
    say(f"REST API   {base}/docs")
    say(f"Redis      {settings.redis_url}  (stream {settings.inbox_stream})")
    say(f"MongoDB    {settings.mongo_url}  (database {settings.mongo_db})")
    say(f"Ledger     {settings.ledger_target}  (a sandbox: no real money)")
    say(f"Logs       {data}/*.log")
    say(f"Settings   {data}/settings.env  (for billie commands in another terminal)")
    say("")
    say(f"TOKEN={token}")
    for path in (
        f"customers/{customer}",
        f"loan-accounts?customerId={customer}",
        "conversations?status=approved&limit=3",
    ):
        say(f"curl -sH \"Authorization: Bearer $TOKEN\" '{base}/v1/{path}'")
    if (account := account_in_debt(servers, customer)) is not None:
        say("A repayment: posted once, however often it is sent, and then shown in the loan account")
        say(
            'curl -s --json \'{"amount": "20.00"}\' -H "Authorization: Bearer $TOKEN" '
            f"-H 'Idempotency-Key: demo-{account}' {base}/v1/ledger/accounts/{account}/repayments"
        )
    say("")


def _served(url: str, token: str) -> bool:
    """Whether the API is up, and serves the document."""
    request = Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


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
