"""What the sandbox refuses, each with its gRPC status. The text is the answer's; nothing was posted."""

from typing import ClassVar

from grpc import StatusCode

from app.errors import BillieError


class SandboxError(BillieError):
    """The base."""

    grpc_status: ClassVar[StatusCode]


class BadArgumentError(SandboxError):
    """A field of the request is wrong by itself; the books do not matter."""

    grpc_status = StatusCode.INVALID_ARGUMENT


class UnknownAccountError(SandboxError):
    """The account was never opened."""

    grpc_status = StatusCode.NOT_FOUND


class RejectedError(SandboxError):
    """A business rule forbids it; the text is for the operator."""

    grpc_status = StatusCode.FAILED_PRECONDITION


class KeyReusedError(SandboxError):
    """The idempotency key belongs to another request."""

    grpc_status = StatusCode.ALREADY_EXISTS
