"""The channel to the ledger: what is retried, and how a dead connection is found."""

import json
from typing import Any

import grpc.aio

from app.ledger.client.security import Security

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
