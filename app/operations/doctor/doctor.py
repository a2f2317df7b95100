"""Checks whether the roles have everything that they need: each server on its own, all at once."""

from concurrent.futures import ThreadPoolExecutor

from app.ledger.client.errors import LedgerError
from app.ledger.client.health import NOT_OFFERED, health
from app.ledger.client.security import LedgerSettingsError, Security
from app.operations.doctor.check import Check, away, failed, well
from app.operations.doctor.event_store import event_store_checks
from app.operations.doctor.mongodb import mongodb_checks
from app.operations.doctor.redis import redis_checks
from app.operations.doctor.settings import settings_checks
from app.operations.servers import Servers
from app.runtime.observability.logging import in_short
from app.runtime.settings.settings import Settings


def examine(servers: Servers) -> list[Check]:
    """Every check, settings first. Changes nothing, except for a scratch collection that it drops again."""
    settings = servers.settings
    with ThreadPoolExecutor(4) as pool:
        checks = (
            pool.submit(redis_checks, servers.redis, settings),
            pool.submit(event_store_checks, servers),
            pool.submit(mongodb_checks, servers.database, settings),
            pool.submit(_ledger_checks, settings),
        )
    return [*settings_checks(settings), *(check for each in checks for check in each.result())]


def _ledger_checks(settings: Settings) -> list[Check]:
    name, target = "ledger.connection", settings.ledger_target
    try:
        state = health(target, security=Security.of(settings))
    except LedgerError as error:
        return [away(name, in_short(error), "Is it up? Check BILLIE_LEDGER_TARGET.")]
    except LedgerSettingsError:
        return []  # Reported with the settings.
    if state in ("SERVING", NOT_OFFERED):
        return [well(name, f"{target} answers: {state}")]
    return [failed(name, f"{target} reports {state}", "Notify its operators.")]
