"""What the sandbox refuses, each with its gRPC status. The text is the answer's; nothing was posted."""

from typing import ClassVar

from grpc import StatusCode


class SandboxError(Exception):
    """The base."""

    status: ClassVar[StatusCode]


class BadArgumentError(SandboxError):
    """A field of the request is wrong by itself; the books do not matter."""

    status = StatusCode.INVALID_ARGUMENT


class UnknownAccountError(SandboxError):
    """The account was never opened."""

    status = StatusCode.NOT_FOUND


class RejectedError(SandboxError):
    """A business rule forbids it; the text is for the operator."""

    status = StatusCode.FAILED_PRECONDITION


class KeyReusedError(SandboxError):
    """The idempotency key belongs to another request."""

    status = StatusCode.ALREADY_EXISTS
