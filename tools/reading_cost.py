"""How many of our files one fact passes through: ``python tools/reading_cost.py [--files]``.

Runs each fact once, warm, under ``sys.setprofile``, on servers of its own, and counts the Python files of
``app/`` whose functions were called; a page's templates are not counted. Exits with 1 if a
limit is exceeded. ``--files`` lists the files as well.

A message and an event are counted in all threads. A repayment and a console page are counted in the event
loop, which is what somebody reads who follows the request; what the event store's threads and the sandbox
ledger do for it is shown by the first fact, and not counted again.
"""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from types import FrameType
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from redis import Redis

import app
from app.api.auth.development_tokens import issue_token
from app.console.application import create_app
from app.event_store.application import Servicing
from app.ingestion.stream.consumer import Consumer
from app.ingestion.stream.publish import publish
from app.ledger.sandbox.books import Books
from app.ledger.sandbox.feed import Heard
from app.ledger.sandbox.loans import Balance, Opened
from app.ledger.sandbox.service import serve
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.runtime.servers.clients import mongo_client
from app.runtime.servers.embedded import embedded_mongo, embedded_redis, free_port
from app.runtime.settings.settings import Settings

ROOT = Path(app.__file__).parent
CUSTOMER = {"typ": "customer.changed.v1", "id": "0", "dat": '{"customer_id": "C", "ekyc_status": "SUCCESS"}'}
OPENED = {"typ": "account.created.v1", "id": "1", "dat": '{"account_id": "A", "customer_id": "C"}'}
UPDATED = {
    "typ": "account.updated.v1",
    "id": "2",
    "dat": '{"account_id": "A", "current_balance": "5.00"}',
}


@dataclass
class Cost:
    """The functions of ours that were called, by file."""

    files: dict[str, set[str]]


@contextmanager
def counted(*, all_threads: bool = True) -> Iterator[Cost]:
    """Count what this thread calls; with ``all_threads`` also what every thread started meanwhile calls."""
    cost = Cost({})

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(str(ROOT)) and path.endswith(".py"):
            cost.files.setdefault(str(Path(path).relative_to(ROOT)), set()).add(frame.f_code.co_qualname)

    if all_threads:
        threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield cost
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def message_to_event(settings: Settings) -> Cost:
    """One ``account.updated.v1`` of a known account: read, applied, stored, acknowledged."""
    servicing = Servicing.from_url(settings.event_store_url, cache=settings.aggregate_cache)
    with Redis.from_url(settings.redis_url, protocol=2) as redis:
        consumer = Consumer(settings, redis, servicing, Event())
        publish(redis, settings.inbox_stream, [OPENED])
        consumer.run(drain=True)
        publish(redis, settings.inbox_stream, [UPDATED])
        before = servicing.max_position()
        with counted() as cost, ThreadPoolExecutor(1) as storing:
            consumer._step(storing, lambda _entries, _dead: None, block=False)
        assert servicing.max_position() == before + 1, "the update is one event"
    servicing.close()
    return cost


def event_to_document(settings: Settings) -> Cost:
    """The event of that message: read, folded into the loan account's document, written."""
    servicing = Servicing.from_url(settings.event_store_url)
    client = mongo_client(settings)
    projection = all_projections(settings)["loan-accounts"]
    projector = Projector(projection, servicing, client[settings.mongo_db])
    with Redis.from_url(settings.redis_url, protocol=2) as redis:
        for entry in (OPENED, UPDATED):
            publish(redis, settings.inbox_stream, [entry])
            Consumer(settings, redis, servicing, Event()).run(drain=True)
            with counted() as cost:
                assert projector.step()
    document = client[settings.mongo_db]["loan-accounts"].find_one({"_id": "A"})
    assert document is not None
    assert str(document["balances"]["currentBalance"]) == "5.00"
    client.close()
    servicing.close()
    return cost


def repayment(settings: Settings) -> Cost:
    """A repayment over REST: authenticated, stored, posted by the sandbox ledger, its outcome stored."""
    known(settings)
    token = issue_token(settings, "ann", "operations")

    async def ask(client: httpx.AsyncClient, key: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"repayment-{key}"}
        answer = await client.post(
            "/v1/ledger/accounts/A/repayments", json={"amount": "5.00"}, headers=headers
        )
        assert answer.status_code == 201, answer.text

    return asked(settings, ask)


def console_page(settings: Settings) -> Cost:
    """A customer's page on the console, with balances by the sandbox ledger."""
    known(settings)

    async def ask(client: httpx.AsyncClient, key: str) -> None:
        if key == "warm":
            form = {"name": "Ann", "role": "operations"}
            await client.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        answer = await client.get("/customers/C")
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"

    return asked(settings, ask)


def known(settings: Settings) -> None:
    """A customer with a loan account, in the event store and the documents."""
    servicing = Servicing.from_url(settings.event_store_url)
    client = mongo_client(settings)
    with Redis.from_url(settings.redis_url, protocol=2) as redis:
        publish(redis, settings.inbox_stream, [CUSTOMER, OPENED])
        Consumer(settings, redis, servicing, Event()).run(drain=True)
    for projection in all_projections(settings).values():
        projector = Projector(projection, servicing, client[settings.mongo_db])
        while projector.step():
            pass
    client.close()
    servicing.close()


def asked(settings: Settings, ask: Callable[[httpx.AsyncClient, str], Awaitable[None]]) -> Cost:
    """The cost of a request in the event loop, the second time."""
    books, target = Books(Path(settings.ledger_target)), f"127.0.0.1:{free_port()}"
    balance = [Opened("A", Decimal(500), Decimal(0), "C", "LN1"), Balance("A", Decimal(500), "DISBURSEMENT")]
    books.hear([Heard("id:1", datetime(2026, 3, 2, tzinfo=UTC), balance)])
    ledger = serve(books, target)
    app = create_app(settings.model_copy(update={"ledger_target": target}))
    try:
        return asyncio.run(_asked(app, ask))
    finally:
        ledger.stop(grace=None).wait()
        books.close()


async def _asked(app: FastAPI, ask: Callable[[httpx.AsyncClient, str], Awaitable[None]]) -> Cost:
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        await ask(client, "warm")
        for task in asyncio.all_tasks():  # What the settler does is nobody's request.
            if task.get_coro().__qualname__ == "Settler.run":
                task.cancel()
        await asyncio.sleep(0)
        with counted(all_threads=False) as cost:
            await ask(client, "counted")
    return cost


FACTS: dict[str, tuple[int, Callable[[Settings], Cost]]] = {
    "a message to its stored event": (20, message_to_event),
    "an event to its document": (15, event_to_document),
    "a repayment over the API": (18, repayment),
    "a customer's console page": (25, console_page),
}
"""By name: the limit of files, and what runs it once, warm, on the servers of these settings."""


def measure(directory: Path) -> dict[str, Cost]:
    """The cost of each fact, each on databases of its own."""
    redis, mongo = embedded_redis(directory / "redis"), embedded_mongo(directory / "mongo", is_synced=False)
    try:
        costs = {}
        for number, (name, (_, run)) in enumerate(FACTS.items()):
            settings = Settings(
                redis_url=redis.url,
                inbox_stream=f"inbox:{number}",
                dead_letter_stream=f"dead-letters:{number}",
                mongo_url=mongo.url,
                mongo_db=f"reading_cost_{number}",
                event_store_url=f"sqlite:///{directory}/{number}.db",
                ledger_target=f"{directory}/{number}-books.db",
                jwt_secret=SecretStr("a secret of a measurement, on servers of its own"),
                console="development",
            )
            costs[name] = run(settings)
        return costs
    finally:
        redis.stop()
        mongo.stop()


def main(arguments: list[str]) -> int:
    """Print the table. Returns the exit code."""
    with TemporaryDirectory() as directory:
        costs = measure(Path(directory))
    print(f"{'fact':<32} {'files':>6} {'limit':>6} {'functions':>10}")
    is_over = False
    for name, cost in costs.items():
        limit, functions = FACTS[name][0], sum(map(len, cost.files.values()))
        is_over |= len(cost.files) > limit
        mark = "  over the limit" if len(cost.files) > limit else ""
        print(f"{name:<32} {len(cost.files):>6} {limit:>6} {functions:>10}{mark}")
        if "--files" in arguments:
            for path, called in sorted(cost.files.items()):
                print(f"    {path}: {', '.join(sorted(called))}")
    return int(is_over)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
