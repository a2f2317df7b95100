"""What can go wrong with a call to the ledger, as exceptions.

* LedgerError
  * AccountNotFoundError: the ledger does not know the account
  * LedgerRejectedError: a business rule forbids it; the message is for the operator; a retry cannot help
  * InvalidRequestError: an argument is wrong
  * OutOfRangeError: an argument is beyond what the ledger holds
  * KeyReusedError: an idempotency key was used before with other content
  * NotOfferedError: this ledger does not implement the operation
  * AccessRefusedError: the ledger does not accept our token
  * LedgerUnreachableError: the connection could not be made, or broke
    * LedgerDownError: we know that the ledger is away, and sent nothing
  * LedgerTimeoutError: the deadline passed
  * LedgerBusyError: the ledger has more to do than it can take
  * ErasedIntentError: what was asked cannot be read any more, so nothing was sent
  * LedgerFaultError: anything else, at the ledger's end
    * UnreadableAnswerError: an answer came, and is not as the contract says

Two questions decide what money code does next; both have an answer in each class:

``outcome_unknown``: may this attempt have posted? When it may, the command is neither posted nor failed,
and only another attempt with the same key tells (contract ledger.md, failure 2).

``settles``: did the ledger judge the command itself, so that the answer also holds for attempts before
this one with the same key? A refused token, for example, says that this attempt posted nothing, and
nothing of an earlier one whose outcome is unknown.
"""

from typing import ClassVar

from grpc import StatusCode
from grpc.aio import AioRpcError

from app.errors import BillieError

_MAX_MESSAGE_LENGTH = 2_000
_RETRY_AFTER_S = 2


class LedgerError(BillieError):
    """A call to the ledger that gave no result.

    ``grpc_code`` is the gRPC status by name (``FAILED_PRECONDITION``), ``message`` what came with it: the
    ledger's own words, or gRPC's if the ledger did not answer. A rejection is never retryable: the same
    request would be rejected again (contract ledger.md, failure 5).
    """

    status = 502
    code = "ledger_fault"
    outcome_unknown: ClassVar[bool] = True
    settles: ClassVar[bool] = False
    _detail: ClassVar[str] = "The ledger failed, or its answer is invalid."
    _quotes_ledger: ClassVar[bool] = True

    def __init__(self, grpc_code: str, message: str) -> None:
        super().__init__(f"{message} ({grpc_code})")
        self.grpc_code = grpc_code
        self.message = message
        self.ledger_message = message[:_MAX_MESSAGE_LENGTH] if self._quotes_ledger else None

    @property
    def detail(self) -> str:
        """The text, which may name hosts, is for us."""
        return self._detail


class AccountNotFoundError(LedgerError):
    """NOT_FOUND: the ledger has no such account. Nothing was posted."""

    status = 404
    code = "ledger_account_not_found"
    _detail = "The ledger has no such account."
    outcome_unknown = False
    settles = True


class LedgerRejectedError(LedgerError):
    """FAILED_PRECONDITION: a business rule forbids it, for good; the message is for the operator."""

    status = 422
    code = "ledger_rejected"
    _detail = "The ledger rejected this. A retry will be rejected too."
    outcome_unknown = False
    settles = True


class InvalidRequestError(LedgerError):
    """INVALID_ARGUMENT: an argument is wrong. Nothing was posted."""

    status = 400
    code = "ledger_invalid_request"
    _detail = "The request is invalid for the ledger."
    outcome_unknown = False
    settles = True


class OutOfRangeError(LedgerError):
    """OUT_OF_RANGE: an argument is beyond what the ledger holds. Nothing was posted."""

    status = 422
    code = "ledger_rejected"
    _detail = "A value is out of the ledger's range."
    outcome_unknown = False
    settles = True


class KeyReusedError(LedgerError):
    """ALREADY_EXISTS: the key belongs to a command with other content. This one posted nothing."""

    status = 409
    code = "idempotency_key_reused"
    _detail = "The key belongs to another command. A new intent takes a new key."
    outcome_unknown = False
    settles = True


class NotOfferedError(LedgerError):
    """UNIMPLEMENTED: this ledger has no such operation. This attempt posted nothing."""

    outcome_unknown = False


class AccessRefusedError(LedgerError):
    """UNAUTHENTICATED or PERMISSION_DENIED: the token is wrong, or may not do this.

    This attempt posted nothing; the fault is in our settings, not in the command.
    """

    outcome_unknown = False


class LedgerUnreachableError(LedgerError):
    """UNAVAILABLE: no connection, or it broke; of a write, after the ledger may have had it."""

    status = 503
    code = "ledger_unavailable"
    retryable = True
    retry_after_s = _RETRY_AFTER_S
    _detail = "The ledger cannot be reached. Try again in a moment."
    _quotes_ledger = False


class LedgerDownError(LedgerUnreachableError):
    """We know that the ledger is away, and sent nothing, so that the caller does not wait.

    ``outcome_unknown`` stays true: an earlier attempt with the same key may have posted.
    """


class LedgerTimeoutError(LedgerError):
    """DEADLINE_EXCEEDED: no answer in time; a write may have been posted all the same."""

    status = 504
    code = "ledger_timeout"
    retryable = True
    _detail = "The ledger did not answer in time. Try again."
    _quotes_ledger = False


class LedgerBusyError(LedgerError):
    """RESOURCE_EXHAUSTED: too much for the ledger, or an answer too large for the wire.

    Unknown for a write: the answer can be what was too large.
    """

    status = 429
    code = "ledger_busy"
    retryable = True
    retry_after_s = _RETRY_AFTER_S
    _detail = "The ledger is overloaded. Try again."


class ErasedIntentError(LedgerError):
    """Part of what was asked is erased: nothing was sent, and only the ledger's books tell of before."""

    def __init__(self) -> None:
        super().__init__(
            "ERASED", "what was asked can be read no more: look into the ledger, and settle it by hand"
        )


class LedgerFaultError(LedgerError):
    """CANCELLED, UNKNOWN, INTERNAL, ABORTED, DATA_LOSS, or a status that we do not know."""


class UnreadableAnswerError(LedgerFaultError):
    """An answer came, and ``what`` is wrong with it. Of a write: it may well have posted."""

    _quotes_ledger = False

    def __init__(self, what: str) -> None:
        super().__init__("INTERNAL", f"the ledger's answer cannot be read: {what}")


_BY_STATUS: dict[StatusCode, type[LedgerError]] = {
    StatusCode.NOT_FOUND: AccountNotFoundError,
    StatusCode.FAILED_PRECONDITION: LedgerRejectedError,
    StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    StatusCode.OUT_OF_RANGE: OutOfRangeError,
    StatusCode.ALREADY_EXISTS: KeyReusedError,
    StatusCode.UNIMPLEMENTED: NotOfferedError,
    StatusCode.UNAUTHENTICATED: AccessRefusedError,
    StatusCode.PERMISSION_DENIED: AccessRefusedError,
    StatusCode.UNAVAILABLE: LedgerUnreachableError,
    StatusCode.DEADLINE_EXCEEDED: LedgerTimeoutError,
    StatusCode.RESOURCE_EXHAUSTED: LedgerBusyError,
}


def ledger_error(error: AioRpcError) -> LedgerError:
    """Our exception for gRPC's."""
    status = error.code()
    return _BY_STATUS.get(status, LedgerFaultError)(status.name, error.details() or "no details were given")


def stored_error(code: str, message: str) -> LedgerError:
    """Our exception for a status that was stored by its name."""
    status = StatusCode.__members__.get(code)
    kind = LedgerFaultError if status is None else _BY_STATUS.get(status, LedgerFaultError)
    return kind(code, message)
