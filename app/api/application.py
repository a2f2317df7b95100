"""The FastAPI application: made from settings, with no state of its own outside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from pydantic import SecretStr
from pymongo import AsyncMongoClient

from app import __version__
from app.api.auth import routes as me
from app.api.auth.callers import Callers
from app.api.auth.rates import Rates
from app.api.auth.tokens import token_checker
from app.api.changes import routes as changes
from app.api.changes.feed import ChangeFeed
from app.api.dead_letters import routes as dead_letters
from app.api.documents import routes as reads
from app.api.erasures import routes as erasures
from app.api.histories import routes as histories
from app.api.histories import transcripts
from app.api.histories.transcript_pages import Transcripts
from app.api.http import problems, web
from app.api.inbox import routes as inbox
from app.api.ledger import problems as ledger_problems
from app.api.ledger import routes as ledger_reads
from app.api.ledger import stream as ledger_stream
from app.api.ledger.services import ledger_services
from app.api.ledger_commands import routes as ledger_commands
from app.api.money import routes as money
from app.api.notes import routes as notes
from app.api.openapi import document as openapi
from app.api.overview import routes as overview
from app.api.projection_jobs import routes as projection_jobs
from app.api.search import routes as search
from app.api.status import health
from app.api.status import routes as operations
from app.api.write_offs import routes as write_offs
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.parsers import load_parsers
from app.ledger.client.configured import configured_client, configured_security
from app.operations.servers import Servers
from app.runtime.observability.tracing import NO_TRACING, Tracing
from app.runtime.servers.clients import mongo_options
from app.runtime.settings.settings import Settings

_READS = tuple(
    module.router
    for module in (
        reads,
        overview,
        search,
        health,
        me,
        transcripts,
        histories,
        changes,
        ledger_reads,
        ledger_stream,
        operations,
    )
)
"""Those that read no body, whatever is sent. What is asked for most is looked for first."""

_SMALL = 64 * 1024
"""Bytes of a body that holds one thing."""

_SMALL_BODIES = tuple(
    module.router for module in (money, ledger_commands, write_offs, dead_letters, projection_jobs, erasures)
)


def create_app(settings: Settings, tracing: Tracing = NO_TRACING) -> FastAPI:
    """The API. Its requests are spans of ``tracing``.

    Raises AuthenticationNotConfiguredError where no token could be checked, LedgerSettingsError where the
    way to the ledger cannot be used, and ParserError where an installed parser of messages, which replays
    need, cannot be used.
    """
    tokens = token_checker(settings)
    configured_security(settings)
    parsers = load_parsers(CATALOGUE)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            settings.mongo_url, serverSelectionTimeoutMS=2_000, timeoutMS=5_000, **mongo_options(settings)
        )
        app.state.database = client[settings.mongo_db]
        app.state.servers, app.state.transcripts = Servers(settings, parsers), Transcripts()
        app.state.inbox_waits = CapacityLimiter(inbox.WAITS_AT_ONCE)
        app.state.ledger = configured_client(settings)
        app.state.ledger.connect()
        app.state.closing = asyncio.Event()
        app.state.changes = ChangeFeed(app.state.servers, app.state.database)
        async with ledger_services(app, settings, app.state.servers, app.state.ledger):
            yield
        app.state.changes.stop()
        await app.state.ledger.close()
        app.state.servers.close()
        await client.close()
        # The server ends the process by the signal that it got: nothing comes after this.
        await to_thread.run_sync(tracing.flush)

    app: FastAPI = FastAPIOffline(
        title="Billie Servicing",
        version=__version__,
        description="What a small-amount lender knows of its customers, their loans and their chats.",
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.tokens, app.state.settings, app.state.tracing = tokens, settings, tracing
    app.state.callers = Callers(tokens, settings)
    app.state.rates = Rates(settings.rate_per_second, settings.rate_burst)
    web.install(app, settings, tracing)
    problems.install(app)
    openapi.install(app)
    ledger_problems.install(app)
    for each in _READS:
        app.include_router(each)
    for each in _SMALL_BODIES:
        app.include_router(each, max_body_size=_SMALL)
    app.include_router(notes.router, max_body_size=notes.LARGEST_BODY)
    app.include_router(inbox.router, max_body_size=inbox.largest_body(settings))
    return app


def app_to_describe() -> FastAPI:
    """The API for those who read its routes: it serves nobody."""
    return create_app(Settings(jwt_secret=SecretStr("no token is ever checked with this one")))
