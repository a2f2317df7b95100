"""Settings that contradict each other: each alone is good."""

import resource
from collections.abc import Callable, Iterator

from app.ledger.client.channel import LedgerSettingsError
from app.ledger.client.configured import configured_security
from app.operations.doctor.check import Check, failed, warning, well
from app.runtime.settings.settings import Settings

_NAME = "settings"
_SHORT_CLAIM_MS = 10_000
_SPARE_FILES = 100
_HERE = ("127.0.0.1", "::1", "localhost")


def settings_checks(settings: Settings) -> list[Check]:
    """Each contradiction; that there is none, where that is so."""
    found = [check for rule in _RULES for check in rule(settings)]
    return found or [well(_NAME, "do not contradict each other")]


def _streams(settings: Settings) -> Iterator[Check]:
    if settings.inbox_stream == settings.dead_letter_stream:
        yield failed(
            _NAME,
            "BILLIE_INBOX_STREAM and BILLIE_DEAD_LETTER_STREAM are the same stream",
            "Give each its own: dead letters would be read as messages, and set aside again, for ever.",
        )
    if settings.claim_idle_ms < _SHORT_CLAIM_MS:
        yield warning(
            _NAME,
            f"BILLIE_CLAIM_IDLE_MS is {settings.claim_idle_ms:,}",
            "Let it be 10,000 or more: consumers take over what others are still at work on.",
        )


def _ledger(settings: Settings) -> Iterator[Check]:
    try:
        configured_security(settings)
    except LedgerSettingsError as error:
        yield failed(_NAME, str(error), "`billie api` does not start like that.")
    if settings.settle_after_seconds <= settings.ledger_write_seconds:
        yield failed(
            _NAME,
            f"BILLIE_SETTLE_AFTER_SECONDS ({settings.settle_after_seconds:g}) is not above "
            f"BILLIE_LEDGER_WRITE_SECONDS ({settings.ledger_write_seconds:g})",
            "Raise it: a command would count as lost while its first attempt still has time.",
        )


def _limits(settings: Settings) -> Iterator[Check]:
    if settings.adjustment_limit > settings.money_most_amount:
        yield warning(
            _NAME,
            "BILLIE_ADJUSTMENT_LIMIT is above BILLIE_MONEY_MOST_AMOUNT",
            "Lower it: no adjustment ever takes a second person.",
        )
    supervisor, admin = settings.write_off_limit_supervisor, settings.write_off_limit_admin
    if admin is not None and (supervisor is None or supervisor > admin):
        yield warning(
            _NAME,
            "a supervisor may approve larger write-offs than an admin",
            "Look at BILLIE_WRITE_OFF_LIMIT_SUPERVISOR and BILLIE_WRITE_OFF_LIMIT_ADMIN.",
        )


def _api(settings: Settings) -> Iterator[Check]:
    if settings.jwks_url and settings.jwt_secret:
        yield warning(
            _NAME, "BILLIE_JWT_SECRET counts for nothing beside BILLIE_JWKS_URL", "Unset one of the two."
        )
    if settings.changes_listeners >= settings.api_connections:
        yield warning(
            _NAME,
            "BILLIE_CHANGES_LISTENERS is not below BILLIE_API_CONNECTIONS",
            "Lower it: listeners could take every connection.",
        )
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and settings.api_connections + _SPARE_FILES > files:
        yield warning(
            _NAME,
            f"BILLIE_API_CONNECTIONS is {settings.api_connections:,}, and a process may open {files:,} files",
            "Raise `ulimit -n`, or lower the setting.",
        )


def _metrics(settings: Settings) -> Iterator[Check]:
    if not settings.metrics_port:
        return
    if (settings.metrics_host, settings.metrics_port) == (settings.api_host, settings.api_port):
        yield failed(
            _NAME,
            "BILLIE_METRICS_PORT is BILLIE_API_PORT",
            "Choose another: metrics are never on the API's port.",
        )
    if settings.metrics_host not in _HERE:
        yield warning(
            _NAME,
            f"metrics are served at {settings.metrics_host}, to whoever asks",
            "Make sure that only Prometheus gets there.",
        )


_RULES: tuple[Callable[[Settings], Iterator[Check]], ...] = (_streams, _ledger, _limits, _api, _metrics)
