"""What the API is made of: one object, which routes reach by :func:`services_of`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import Request
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from app.api.auth.callers import Callers, RateLimits
from app.api.auth.roles import Role
from app.api.auth.tokens import TokenVerifier
from app.api.changes.service import ChangeFeed
from app.api.histories.service import Transcripts
from app.api.notes.service import Notes
from app.ingestion.messages.parsers import Parsers
from app.ledger.client.client import LedgerClient
from app.ledger.money.approvals import Approvals
from app.ledger.money.command_store import CommandStore
from app.ledger.money.movements import Money
from app.ledger.money.open_commands import OpenCommands
from app.ledger.money.settler import Settler
from app.ledger.money.write_offs import WriteOffs
from app.operations.servers import Servers
from app.runtime.observability.tracing import Tracing
from app.runtime.servers.clients import mongo_options
from app.runtime.settings.settings import Settings

Database = AsyncDatabase[dict[str, Any]]

_INBOX_WAITS = 8
"""Each holds a thread, for up to half a minute; more wait their turn."""


class Services:
    """The API's services, made in the event loop they are for. Only :meth:`running` connects anything."""

    def __init__(self, settings: Settings, tracing: Tracing, tokens: TokenVerifier, parsers: Parsers) -> None:
        """``parsers`` are for replays."""
        self.settings, self.tracing = settings, tracing
        self.callers = Callers(tokens, settings)
        self.rate_limits = RateLimits(settings.rate_per_second, settings.rate_burst)
        self.mongo: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            settings.mongo_url, serverSelectionTimeoutMS=2_000, timeoutMS=5_000, **mongo_options(settings)
        )
        self.database = self.mongo[settings.mongo_db]
        self.servers = Servers(settings, parsers)
        self.ledger = LedgerClient(settings)
        store = self.servers.event_store
        self.money = Money(CommandStore(store), self.ledger, running_s=settings.settle_after_seconds)
        self.settler = Settler(
            self.money,
            OpenCommands(store),
            running_s=settings.settle_after_seconds,
            key_hours=settings.ledger_key_hours,
            first_wait_s=settings.ledger_write_seconds,
        )
        limits = {
            Role.SUPERVISOR.value: settings.write_off_limit_supervisor,
            Role.ADMIN.value: settings.write_off_limit_admin,
        }
        self.write_offs, self.approvals = WriteOffs(self.money, limits), Approvals(self.money, limits)
        self.notes = Notes(store)
        self.changes = ChangeFeed(self.servers, self.database)
        self.transcripts = Transcripts()
        self.inbox_waits = CapacityLimiter(_INBOX_WAITS)
        self.closing = asyncio.Event()
        """Set when the server begins to stop."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connect to the ledger and run the settler; at the end, close everything."""
        self.ledger.connect()
        settling = asyncio.create_task(self.settler.run())
        try:
            yield
        finally:
            settling.cancel()
            with suppress(asyncio.CancelledError):
                await settling
            await self.money.close()
            self.changes.stop()
            await self.ledger.close()
            self.servers.close()
            await self.mongo.close()
            # The server ends the process by the signal that it got: nothing runs after this.
            await to_thread.run_sync(self.tracing.flush)


def services_of(request: Request) -> Services:
    """The application's services. Not a FastAPI dependency: resolving one would slow every read."""
    services: Services = request.app.state.services
    return services
