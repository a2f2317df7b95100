"""Whether everything that the roles need is there: each server is examined on its own, at once."""

from concurrent.futures import ThreadPoolExecutor

from app.ledger.client.channel import LedgerSettingsError
from app.ledger.client.configured import configured_security
from app.ledger.client.errors import LedgerError
from app.ledger.client.health import NOT_OFFERED, health
from app.operations.doctor.check import Check, away, failed, well
from app.operations.doctor.redis import redis_checks
from app.operations.doctor.settings import settings_checks
from app.operations.doctor.stores import mongo_checks, store_checks
from app.operations.status.servers import Servers
from app.runtime.observability.logging import in_short
from app.runtime.settings.settings import Settings


def examine(servers: Servers) -> list[Check]:
    """Every check, settings first. It changes nothing, but for a scratch collection that it drops again."""
    settings = servers.settings
    with ThreadPoolExecutor(4) as asking:
        asked = (
            asking.submit(redis_checks, servers.redis, settings),
            asking.submit(store_checks, servers),
            asking.submit(mongo_checks, servers.database, settings),
            asking.submit(_ledger_checks, settings),
        )
    return [*settings_checks(settings), *(check for each in asked for check in each.result())]


def _ledger_checks(settings: Settings) -> list[Check]:
    target = settings.ledger_target
    try:
        said = health(target, security=configured_security(settings))
    except LedgerError as error:
        return [away("ledger.connection", in_short(error), "Is it up? Check BILLIE_LEDGER_TARGET.")]
    except LedgerSettingsError:
        return []  # Told with the settings.
    if said in ("SERVING", NOT_OFFERED):
        return [well("ledger.connection", f"{target} answers: {said}")]
    return [failed("ledger.connection", f"{target} says {said} of itself", "Tell those who run it.")]
