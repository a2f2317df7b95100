"""Whether the ledger is well, by its own word: the standard gRPC health check."""

from typing import Any, cast

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from app.ledger.channel import PLAIN, Security
from app.ledger.errors import LedgerError, NotOfferedError, ledger_error

NOT_OFFERED = "NO HEALTH CHECK"


def health(target: str, *, seconds: float = 1.0, security: Security = PLAIN) -> str:
    """What the ledger at ``host:port`` says of itself, by the check's name for it: ``SERVING`` is well.

    ``NO HEALTH CHECK`` where it answers, and offers none. Raises LedgerError where it does not answer.
    """
    metadata, credentials = security.metadata(target), security.credentials()
    with (
        grpc.secure_channel(target, credentials) if credentials else grpc.insecure_channel(target)
    ) as channel:
        check: Any = cast(Any, health_pb2_grpc.HealthStub)(channel).Check
        try:
            answer = check(health_pb2.HealthCheckRequest(), timeout=seconds, metadata=metadata)
        except grpc.RpcError as error:
            ours: LedgerError = ledger_error(error)
            if isinstance(ours, NotOfferedError):
                return NOT_OFFERED
            # gRPC tells of every address that it tried: what failed stands last.
            raise type(ours)(ours.code, ours.message.rpartition(": ")[2]) from error
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
