"""Settings that contradict each other, although each is valid alone."""

import resource
from collections.abc import Iterator

from app.ledger.client.channel import Security
from app.ledger.client.errors import LedgerSettingsError
from app.operations.doctor.check import Check, failed, warning, well
from app.runtime.settings.settings import Settings

_NAME = "settings"
_SHORT_CLAIM_MS = 10_000
_SPARE_FILES = 100
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def settings_checks(settings: Settings) -> list[Check]:
    """A check for each contradiction, or one that passes."""
    found = [
        *(failed(_NAME, detail, advice) for detail, advice in _failures(settings)),
        *(warning(_NAME, detail, advice) for detail, advice in _warnings(settings)),
    ]
    return found or [well(_NAME, "do not contradict each other")]


def _failures(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.inbox_stream == settings.dead_letter_stream:
        yield (
            "BILLIE_INBOX_STREAM and BILLIE_DEAD_LETTER_STREAM are the same stream",
            "Use two: dead letters would be read as messages, and set aside again, endlessly.",
        )
    try:
        Security.of(settings)
    except LedgerSettingsError as error:
        yield str(error), "`billie api` does not start with these settings."
    if settings.settle_after_seconds <= settings.ledger_write_seconds:
        yield (
            f"BILLIE_SETTLE_AFTER_SECONDS ({settings.settle_after_seconds:g}) is not above "
            f"BILLIE_LEDGER_WRITE_SECONDS ({settings.ledger_write_seconds:g})",
            "Raise it: a command would count as lost while its first attempt is still running.",
        )
    if settings.metrics_port and (settings.metrics_host, settings.metrics_port) == (
        settings.api_host,
        settings.api_port,
    ):
        yield (
            "BILLIE_METRICS_PORT is BILLIE_API_PORT",
            "Choose another port: metrics are never served on the API's port.",
        )


def _warnings(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.claim_idle_ms < _SHORT_CLAIM_MS:
        yield (
            f"BILLIE_CLAIM_IDLE_MS is {settings.claim_idle_ms:,}",
            "Set it to 10,000 or more: consumers take over entries that others are still working on.",
        )
    if settings.adjustment_limit > settings.money_most_amount:
        yield (
            "BILLIE_ADJUSTMENT_LIMIT is above BILLIE_MONEY_MOST_AMOUNT",
            "Lower it: no adjustment ever needs a second person.",
        )
    supervisor, admin = settings.write_off_limit_supervisor, settings.write_off_limit_admin
    if admin is not None and (supervisor is None or supervisor > admin):
        yield (
            "a supervisor may approve larger write-offs than an admin",
            "Check BILLIE_WRITE_OFF_LIMIT_SUPERVISOR and BILLIE_WRITE_OFF_LIMIT_ADMIN.",
        )
    if settings.jwks_url and settings.jwt_secret:
        yield "BILLIE_JWT_SECRET is ignored when BILLIE_JWKS_URL is set", "Unset one of the two."
    if settings.changes_listeners >= settings.api_connections:
        yield (
            "BILLIE_CHANGES_LISTENERS is not below BILLIE_API_CONNECTIONS",
            "Lower it: listeners could take every connection.",
        )
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and settings.api_connections + _SPARE_FILES > files:
        yield (
            f"BILLIE_API_CONNECTIONS is {settings.api_connections:,}, and a process may open {files:,} files",
            "Raise `ulimit -n`, or lower the setting.",
        )
    if settings.metrics_port and settings.metrics_host not in _LOOPBACK:
        yield (
            f"metrics are served at {settings.metrics_host}, without authentication",
            "Make sure that only Prometheus can reach them.",
        )
