"""The channel to the ledger: TLS and our token, what is retried, and how a dead connection is found."""

import json
from typing import Any, NamedTuple, Self

import grpc
import grpc.aio

from app.ledger.client.errors import LedgerError, LedgerSettingsError, stored_error
from app.runtime.settings.loopback import host_of, is_local
from app.runtime.settings.settings import Settings

SERVICE = "billie.ledger.v1.AccountingLedgerService"

RETRIED = ("GetTransactions", "GetBalance", "GetLedgerRecord", "GetStatement")
"""Reads only. A write is sent once: only its caller repeats it, with its key."""

_RETRIES = {
    "methodConfig": [
        {
            "name": [{"service": SERVICE, "method": method} for method in RETRIED],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.02s",
                "maxBackoff": "0.2s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
_KEEPALIVE_ANSWER_MS = 5_000
_FOREVER_MS = 2**31 - 1


Metadata = tuple[tuple[str, str], ...]


class Security(NamedTuple):
    """The credentials of a connection, None for plain text; and what goes with each call: our token."""

    credentials: grpc.ChannelCredentials | None
    metadata: Metadata

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say. Raises LedgerSettingsError, naming the setting that cannot be used."""
        return cls(_credentials(settings), _metadata(settings))


def _credentials(settings: Settings) -> grpc.ChannelCredentials | None:
    authorities = settings.ledger_ca_file
    if not settings.ledger_tls:
        if authorities is not None:
            raise LedgerSettingsError("BILLIE_LEDGER_CA_FILE needs BILLIE_LEDGER_TLS=true")
        return None
    try:
        return grpc.ssl_channel_credentials(None if authorities is None else authorities.read_bytes())
    except OSError as error:
        raise LedgerSettingsError(f"BILLIE_LEDGER_CA_FILE, {authorities}: {error.strerror}") from error


def _metadata(settings: Settings) -> Metadata:
    target, token = settings.ledger_target, settings.ledger_token
    if token is None or not token.get_secret_value():
        return ()
    is_sheltered = is_local(host_of(target)) or host_of(target) in settings.plaintext_hosts
    if not settings.ledger_tls and not is_sheltered:
        msg = f"a token for {target} needs BILLIE_LEDGER_TLS=true: it would travel in plain text"
        raise LedgerSettingsError(msg)
    return (("authorization", f"Bearer {token.get_secret_value()}"),)


def ledger_error(error: grpc.aio.AioRpcError) -> LedgerError:
    """Our exception for a failed call."""
    return stored_error(error.code().name, error.details() or "no details were given")


def open_channel(settings: Settings, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    """A channel to the ledger; it connects when it is first used, and again by itself."""
    options: list[tuple[str, Any]] = [
        ("grpc.service_config", json.dumps(_RETRIES)),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", int(settings.ledger_keepalive_seconds * 1000)),
        # Also how long sent bytes may go without the other machine's acknowledgement.
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_ANSWER_MS),
        # By default, up to two minutes pass before a ledger that came back is tried again.
        ("grpc.initial_reconnect_backoff_ms", 100),
        # How long one attempt to connect may take, in spite of its name; by default 20 seconds.
        ("grpc.min_reconnect_backoff_ms", 2_000),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        # A command after a quiet half-hour must not pay for a new connection.
        ("grpc.client_idle_timeout_ms", _FOREVER_MS),
        # All postings of a long-lived account in one answer are more than the default of 4 MB.
        ("grpc.max_receive_message_length", 64 * 1024 * 1024),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if credentials is None:
        return grpc.aio.insecure_channel(settings.ledger_target, options=options)
    return grpc.aio.secure_channel(settings.ledger_target, credentials, options=options)
