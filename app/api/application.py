"""The FastAPI application: its routes and middleware around its services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from pydantic import SecretStr

from app import __version__
from app.api.auth import routes as auth
from app.api.auth.tokens import TokenVerifier
from app.api.changes import routes as changes
from app.api.dead_letters import routes as dead_letters
from app.api.documents import routes as documents
from app.api.erasures import routes as erasures
from app.api.histories import routes as histories
from app.api.http import cors, middleware, problems
from app.api.inbox import routes as inbox
from app.api.ledger import routes as ledger
from app.api.ledger_commands import routes as ledger_commands
from app.api.money import routes as money
from app.api.notes import routes as notes
from app.api.openapi import document as openapi
from app.api.overview import routes as overview
from app.api.projection_jobs import routes as projection_jobs
from app.api.search import routes as search
from app.api.services import Services
from app.api.status import routes as status
from app.api.write_offs import routes as write_offs
from app.ingestion.messages.catalogue import CATALOGUE
from app.ingestion.messages.parsers import load_parsers
from app.ledger.client.channel import Security
from app.runtime.observability.tracing import NO_TRACING, Tracing
from app.runtime.settings.settings import Settings

_SMALL_BODY = 64 * 1024
"""Bytes: enough for one thing."""

# The most requested come first: routes are matched in this order.
_READS = (documents, overview, search, status, auth, histories, changes, ledger)
_WRITES = (money, ledger_commands, write_offs, dead_letters, projection_jobs, erasures)


def create_app(
    settings: Settings,
    tracing: Tracing = NO_TRACING,
    services: type[Services] = Services,
) -> FastAPI:
    """The API. Its requests are spans of ``tracing``; ``services`` has what else its pages need.

    Raises AuthenticationNotConfiguredError if no token could be verified, LedgerSettingsError if the ledger's
    settings cannot be used, ParserError if an installed parser of messages cannot be.
    """
    tokens = TokenVerifier(settings)
    Security.of(settings)
    parsers = load_parsers(CATALOGUE)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.services = services(settings, tracing, tokens, parsers)
        async with app.state.services.running():
            yield

    app: FastAPI = FastAPIOffline(
        title="Billie Servicing",
        version=__version__,
        description="The customers, loans and chats of a small-amount lender.",
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    middleware.install(app, settings, tracing)
    if settings.cors_origins:
        cors.allow_origins(app, settings.cors_origins)
    problems.install(app)
    openapi.install(app)
    for each in _READS:
        app.include_router(each.router)
    for each in _WRITES:
        app.include_router(each.router, max_body_size=_SMALL_BODY)
    app.include_router(notes.router, max_body_size=notes.MAX_BODY_SIZE)
    app.include_router(inbox.router, max_body_size=inbox.max_body_size(settings))
    return app


def app_to_describe() -> FastAPI:
    """The API for reading its routes; it serves no requests."""
    return create_app(Settings(jwt_secret=SecretStr("a secret that never verifies a token")))
