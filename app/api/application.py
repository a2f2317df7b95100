"""The FastAPI application: made from settings, with no state of its own outside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi_offline import FastAPIOffline
from pymongo import AsyncMongoClient

from app import __version__
from app.api import (
    dead_letters,
    inbox,
    ledger_commands,
    ledger_problems,
    ledger_reads,
    ledger_stream,
    money,
    notes,
    operations,
    problems,
    reads,
    transcripts,
    write_offs,
)
from app.api.auth import token_checker
from app.api.ledger_services import ledger_services
from app.ingestion.catalogue import CATALOGUE
from app.ingestion.parsers import load_parsers
from app.ledger.configured import configured_client, configured_security
from app.operations.servers import Servers
from app.runtime.settings import Settings

_SMALL = 64 * 1024
"""Bytes of a body that holds one thing."""


def create_app(settings: Settings) -> FastAPI:
    """The API.

    Raises AuthenticationNotConfiguredError where no token could be checked, LedgerSettingsError where the
    way to the ledger cannot be used, and ParserError where an installed parser of messages, which replays
    need, cannot be used.
    """
    check_token = token_checker(settings)
    configured_security(settings)
    parsers = load_parsers(CATALOGUE)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            settings.mongo_url, tz_aware=True, serverSelectionTimeoutMS=2_000, timeoutMS=5_000
        )
        app.state.database = client[settings.mongo_db]
        app.state.servers = Servers(settings, parsers)
        app.state.inbox_waits = CapacityLimiter(inbox.WAITS_AT_ONCE)
        app.state.ledger = configured_client(settings)
        app.state.ledger.connect()
        app.state.closing = asyncio.Event()
        async with ledger_services(app, settings, app.state.servers, app.state.ledger):
            yield
        await app.state.ledger.close()
        app.state.servers.close()
        await client.close()

    app: FastAPI = FastAPIOffline(
        title="Billie Servicing",
        version=__version__,
        description="What a small-amount lender knows of its customers, their loans and their chats.",
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.check_token = check_token
    app.state.settings = settings
    problems.install(app)
    ledger_problems.install(app)
    ledger_commands.install(app)
    write_offs.install(app)
    app.include_router(reads.router)
    app.include_router(transcripts.router)
    app.include_router(ledger_reads.router)
    app.include_router(ledger_stream.router)
    app.include_router(operations.router)
    app.include_router(money.router, max_body_size=_SMALL)
    app.include_router(ledger_commands.router, max_body_size=_SMALL)
    app.include_router(write_offs.router, max_body_size=_SMALL)
    app.include_router(notes.router, max_body_size=notes.LARGEST_BODY)
    app.include_router(dead_letters.router, max_body_size=dead_letters.LARGEST_BODY)
    app.include_router(inbox.router, max_body_size=inbox.largest_body(settings))

    @app.get("/healthz", tags=["health"], operation_id="live")
    async def healthz() -> dict[str, str]:
        """Whether this process answers."""
        return {"status": "ok"}

    @app.get(
        "/readyz",
        tags=["health"],
        operation_id="ready",
        responses=problems.documented(503),
    )
    async def readyz(request: Request) -> dict[str, str]:
        """Whether this process can serve reads: MongoDB answers."""
        await request.app.state.database.command("ping")
        return {"status": "ok"}

    return app
