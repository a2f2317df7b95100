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
from urllib.request import Request, urlopen

from pydantic import SecretStr

from app.api.auth.development_tokens import issue_token
from app.demo.state import State
from app.demo.supervisor import Supervisor
from app.runtime.servers.embedded import embedded_mongo, embedded_redis, free_port
from app.runtime.settings.settings import Settings

Say = Callable[[str], None]


class DemoRunningError(RuntimeError):
    """The folder is in use by another demo."""


_PORTS = {"redis": 6379, "mongo": 27017, "ledger": 50051, "api": 8000}


def demo(
    data: Path, customers: int, stop: Event, *, seconds: float | None, say: Say, show_status: Say
) -> None:
    """Run until ``stop``, or for so many seconds. What is in ``data`` is continued.

    Raises DemoRunningError where another demo does so already, EmbeddedServerError for a server that
    does not come up, and ChildDiedError for a process that ends by itself. Everything is stopped on
    the way out: at once, if a KeyboardInterrupt comes meanwhile.
    """
    data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        running.enter_context(_alone_in(data))
        ports = {name: _port(name, usual, say) for name, usual in _PORTS.items()}
        supervisor = Supervisor(data)
        running.callback(supervisor.stop)
        redis = supervisor.adopt(embedded_redis(data / "redis", ports["redis"]))
        mongo = supervisor.adopt(embedded_mongo(data / "mongo", ports["mongo"]))
        settings = Settings(
            redis_url=redis.url,
            mongo_url=mongo.url,
            event_store_url=f"sqlite:///{(data / 'events.db').resolve()}",
            ledger_target=f"127.0.0.1:{ports['ledger']}",
            api_host="127.0.0.1",
            api_port=ports["api"],
            jwt_secret=SecretStr(_secret(data / "jwt-secret")),
            console="development",
            session_secret=SecretStr(_secret(data / "session-secret")),
        )
        variables = environment_of(settings)
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
            *("--redis-url", redis.url, "--stream", settings.inbox_stream),
            *("--customers", str(customers), "--state-file", str(data / "simulator.json")),
            module="app.demo.simulator",
        )
        state = State(settings)
        running.callback(state.close)
        _introduce(settings, state, supervisor, stop, data, say)
        ends_at = None if seconds is None else monotonic() + seconds
        while not stop.is_set() and (ends_at is None or monotonic() < ends_at):
            show_status(state.line())
            supervisor.watch(0.5 if ends_at is None else min(0.5, max(0.0, ends_at - monotonic())), stop)


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as environment variables of a child."""
    values = {
        "redis_url": settings.redis_url,
        "mongo_url": settings.mongo_url,
        "event_store_url": settings.event_store_url,
        "ledger_target": settings.ledger_target,
        "api_host": settings.api_host,
        "api_port": str(settings.api_port),
        "jwt_secret": settings.jwt_secret.get_secret_value() if settings.jwt_secret else "",
        "console": settings.console,
        "session_secret": settings.session_secret.get_secret_value() if settings.session_secret else "",
    }
    return {f"BILLIE_{name.upper()}": value for name, value in values.items()}


def _introduce(
    settings: Settings, state: State, supervisor: Supervisor, stop: Event, data: Path, say: Say
) -> None:
    """Say what runs where, once there is a customer to show."""
    base = f"http://{settings.api_host}:{settings.api_port}"
    token = issue_token(settings, "demo", "admin")
    while (customer := state.customer()) is None or not _served(f"{base}/v1/customers/{customer}", token):
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
    if (account := state.account_that_owes(customer)) is not None:
        say("A repayment: posted once, however often it is sent, and back in the loan account")
        say(
            'curl -s --json \'{"amount": "20.00"}\' -H "Authorization: Bearer $TOKEN" '
            f"-H 'Idempotency-Key: demo-{account}' {base}/v1/ledger/accounts/{account}/repayments"
        )
    say("")


def _served(url: str, token: str) -> bool:
    """Whether the API is up already, and shows the document."""
    request = Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def _alone_in(data: Path) -> Iterator[None]:
    """Two demos on one folder would write over each other. Raises DemoRunningError for the second."""
    with (data / "demo.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"Another demo runs on {data}. Stop it first, or choose another folder with --data."
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
    """A signing secret of this demo's own, readable by its user only."""
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(48))
    return path.read_text()


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
