"""Checks whether the roles have everything that they need: each server on its own, all at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app.event_store.errors import EVENT_STORE_ERRORS, EventStoreUrlError
from app.ledger.client.errors import NOT_OFFERED, LedgerError, LedgerSettingsError
from app.ledger.client.health import health
from app.operations.doctor.certificates import file_certificates, server_certificate
from app.operations.doctor.check import Check, answering, failed, well
from app.operations.doctor.server_checks import event_store_checks, mongodb_checks, redis_checks
from app.operations.doctor.settings import settings_checks
from app.operations.servers import Servers
from app.runtime.settings.loopback import host_of
from app.runtime.settings.settings import Settings

_HTTPS = 443
_STORE_ERRORS = (*EVENT_STORE_ERRORS, EventStoreUrlError, psycopg.Error)


def examine(servers: Servers) -> list[Check]:
    """Every check, settings first. Changes nothing, except for a scratch collection that it drops again."""
    settings = servers.settings
    asked = (
        ("redis", "BILLIE_REDIS_URL", (RedisError,), lambda: redis_checks(servers.redis, settings)),
        ("event_store", "BILLIE_EVENT_STORE_URL", _STORE_ERRORS, lambda: event_store_checks(servers)),
        ("mongodb", "BILLIE_MONGO_URL", (PyMongoError,), lambda: mongodb_checks(servers.database)),
        ("ledger", "BILLIE_LEDGER_TARGET", (LedgerError,), lambda: _ledger_checks(settings)),
    )
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = [pool.submit(answering, *each) for each in asked]
    return [
        *settings_checks(settings),
        *file_certificates(settings),
        *(check for each in answers for check in each.result()),
    ]


def _ledger_checks(settings: Settings) -> Iterator[Check]:
    name, target = "ledger.connection", settings.ledger_target
    try:
        state = health(settings)
    except LedgerSettingsError:
        return  # Reported with the settings.
    if state in ("SERVING", NOT_OFFERED):
        yield well(name, f"{target} answers: {state}")
    else:
        yield failed(name, f"{target} reports {state}", "Notify its operators.")
    if settings.ledger_tls and (host := host_of(target)):
        port = target.rpartition(":")[2]
        yield server_certificate("ledger", host, int(port) if port.isdigit() else _HTTPS)
