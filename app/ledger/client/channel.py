"""The channel to the ledger: what is retried, how a dead connection is found, and who we are."""

import json
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from app.errors import ConfigurationError
from app.runtime.settings.loopback import host_of, is_local

SERVICE = "billie.ledger.v1.AccountingLedgerService"

RETRIED = ("GetTransactions", "GetBalance", "GetLedgerRecord", "GetStatement")
"""Reads only. A write is sent once: who repeats it, with its key, knows that it does."""

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


class LedgerSettingsError(ConfigurationError):
    """The settings describe no way to the ledger that may be used."""


@dataclass(frozen=True)
class Security:
    """TLS, with the system's authorities or ``authorities`` (PEM), and a bearer token.

    ``sheltered``: nobody reads on the way also without TLS, because something else encrypts.
    """

    tls: bool = False
    authorities: bytes | None = None
    token: str | None = field(default=None, repr=False)
    sheltered: bool = False

    def metadata(self, target: str) -> tuple[tuple[str, str], ...]:
        """What goes with each call to ``target``: the token.

        Raises LedgerSettingsError where others on the way could read it.
        """
        if self.token is None:
            return ()
        if not self.tls and not self.sheltered and not is_local(host_of(target)):
            msg = f"a token for {target} needs BILLIE_LEDGER_TLS=true: it would travel in plain text"
            raise LedgerSettingsError(msg)
        return (("authorization", f"Bearer {self.token}"),)

    def credentials(self) -> grpc.ChannelCredentials | None:
        """None for plain text."""
        return grpc.ssl_channel_credentials(self.authorities) if self.tls else None


PLAIN = Security()


def open_channel(target: str, security: Security, *, keepalive_seconds: float) -> grpc.aio.Channel:
    """A channel to ``host:port``; it connects when it is first used, and again by itself."""
    options: list[tuple[str, Any]] = [
        ("grpc.service_config", json.dumps(_RETRIES)),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", int(keepalive_seconds * 1000)),
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
    credentials = security.credentials()
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=options)
    return grpc.aio.secure_channel(target, credentials, options=options)
