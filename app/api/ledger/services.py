"""What the money routes share: made when the API starts, in its event loop, and let go when it stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from app.api.auth.callers import Role
from app.ledger.client.client import LedgerClient
from app.ledger.money.approvals import Approvals
from app.ledger.money.command_store import CommandStore
from app.ledger.money.movements import Money
from app.ledger.money.open_commands import OpenCommands
from app.ledger.money.settler import Settler
from app.ledger.money.write_offs import WriteOffs
from app.operations.servers import Servers
from app.runtime.settings.settings import Settings


@asynccontextmanager
async def ledger_services(
    app: FastAPI, settings: Settings, servers: Servers, client: LedgerClient
) -> AsyncIterator[None]:
    """Put them into the application's state; with them runs the settler."""
    money = Money(
        CommandStore(servers.event_store_for_commands), client, running_s=settings.settle_after_seconds
    )
    settler = Settler(
        money,
        OpenCommands(servers.event_store_for_commands),
        running_s=settings.settle_after_seconds,
        key_hours=settings.ledger_key_hours,
        first_wait_s=settings.ledger_write_seconds,
    )
    app.state.money, app.state.settler = money, settler
    limits = {
        Role.SUPERVISOR.value: settings.write_off_limit_supervisor,
        Role.ADMIN.value: settings.write_off_limit_admin,
    }
    app.state.write_offs, app.state.approvals = WriteOffs(money, limits), Approvals(money, limits)
    settling = asyncio.create_task(settler.run())
    try:
        yield
    finally:
        settling.cancel()
        with suppress(asyncio.CancelledError):
            await settling
        await money.close()
