"""What can go wrong with a call to the ledger, as exceptions.

* LedgerError
  * AccountNotFoundError: the ledger does not know the account
  * LedgerRejectedError: a business rule forbids it; the message is for the operator; a retry cannot help
  * InvalidRequestError: an argument is wrong
  * KeyReusedError: an idempotency key was used before with other content
  * NotOfferedError: this ledger does not implement the operation
  * LedgerUnreachableError: nobody answered; nothing happened
  * LedgerTimeoutError: the deadline passed; of a write, the outcome is unknown
  * LedgerFaultError: anything else, at the ledger's end; of a write, the outcome is unknown
"""

from grpc import StatusCode
from grpc.aio import AioRpcError


class LedgerError(Exception):
    """A call to the ledger that gave no result. ``code`` is the gRPC status, by name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message


class AccountNotFoundError(LedgerError):
    pass


class LedgerRejectedError(LedgerError):
    pass


class InvalidRequestError(LedgerError):
    pass


class KeyReusedError(LedgerError):
    pass


class NotOfferedError(LedgerError):
    pass


class LedgerUnreachableError(LedgerError):
    pass


class LedgerTimeoutError(LedgerError):
    pass


class LedgerFaultError(LedgerError):
    pass


_BY_STATUS: dict[StatusCode, type[LedgerError]] = {
    StatusCode.NOT_FOUND: AccountNotFoundError,
    StatusCode.FAILED_PRECONDITION: LedgerRejectedError,
    StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    StatusCode.ALREADY_EXISTS: KeyReusedError,
    StatusCode.UNIMPLEMENTED: NotOfferedError,
    StatusCode.UNAVAILABLE: LedgerUnreachableError,
    StatusCode.DEADLINE_EXCEEDED: LedgerTimeoutError,
}


def ledger_error(error: AioRpcError) -> LedgerError:
    """Our exception for gRPC's."""
    status = error.code()
    return _BY_STATUS.get(status, LedgerFaultError)(status.name, error.details() or "no details were given")
