"""The standard gRPC health check: whether the ledger serves, and whether it is a sandbox."""

from typing import Any, cast

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from app.ledger.client.channel import Security, ledger_error
from app.ledger.client.errors import NOT_OFFERED, LedgerError, NotOfferedError
from app.runtime.settings.settings import Settings

SANDBOX = "billie.ledger.Sandbox"
"""A service of the health check that only a sandbox knows."""


def health(settings: Settings) -> str:
    """The ledger's status, by the check's name for it, such as ``SERVING``.

    ``NO HEALTH CHECK`` if it offers none. Raises LedgerError if it does not answer within a second, and
    LedgerSettingsError.
    """
    try:
        return _checked(settings, "", 1.0)
    except NotOfferedError:
        return NOT_OFFERED
    except LedgerError as error:
        # gRPC names every address that it tried: what failed is last.
        raise type(error)(error.grpc_code, error.message.rpartition(": ")[2]) from error


def is_sandbox(settings: Settings) -> bool:
    """Whether a sandbox ledger answers; False also if nothing does. Raises LedgerSettingsError."""
    try:
        return _checked(settings, SANDBOX, 2.0) == "SERVING"
    except LedgerError:
        return False


def _checked(settings: Settings, service: str, seconds: float) -> str:
    target, (credentials, metadata) = settings.ledger_target, Security.of(settings)
    with (
        grpc.secure_channel(target, credentials) if credentials else grpc.insecure_channel(target)
    ) as channel:
        check: Any = cast(Any, health_pb2_grpc.HealthStub)(channel).Check
        try:
            answer = check(health_pb2.HealthCheckRequest(service=service), timeout=seconds, metadata=metadata)
        except grpc.RpcError as error:
            raise ledger_error(error) from error
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
