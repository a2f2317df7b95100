"""The client, and the way to the ledger, as the settings describe them."""

from app.ledger.client.channel import LedgerSettingsError, Security
from app.ledger.client.client import LedgerClient
from app.runtime.settings.loopback import host_of
from app.runtime.settings.settings import Settings


def configured_security(settings: Settings) -> Security:
    """TLS and token. Raises LedgerSettingsError where they cannot be used, naming the setting."""
    token = settings.ledger_token.get_secret_value() if settings.ledger_token else None
    sheltered = host_of(settings.ledger_target) in settings.plaintext_hosts
    security = Security(settings.ledger_tls, _authorities(settings), token or None, sheltered)
    security.metadata(settings.ledger_target)
    return security


def configured_client(settings: Settings) -> LedgerClient:
    """A client, to be made and closed in the event loop that uses it. Raises LedgerSettingsError."""
    return LedgerClient(
        settings.ledger_target,
        read_seconds=settings.ledger_read_seconds,
        write_seconds=settings.ledger_write_seconds,
        watch_seconds=settings.ledger_watch_seconds,
        keepalive_seconds=settings.ledger_keepalive_seconds,
        security=configured_security(settings),
    )


def _authorities(settings: Settings) -> bytes | None:
    if settings.ledger_ca_file is None:
        return None
    if not settings.ledger_tls:
        msg = "BILLIE_LEDGER_CA_FILE is of no use without BILLIE_LEDGER_TLS=true"
        raise LedgerSettingsError(msg)
    try:
        return settings.ledger_ca_file.read_bytes()
    except OSError as error:
        msg = f"BILLIE_LEDGER_CA_FILE, {settings.ledger_ca_file}: {error.strerror}"
        raise LedgerSettingsError(msg) from error
