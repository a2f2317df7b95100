"""What can go wrong with a call to the ledger, and what each means to an API caller.

* LedgerError
  * AccountNotFoundError: the ledger does not know the account
  * LedgerRejectedError: a business rule forbids it; the message is for the operator
    * OutOfRangeError: an argument is beyond what the ledger holds
  * InvalidRequestError: an argument is wrong
  * KeyReusedError: the idempotency key was used before with other content
  * NotOfferedError: this ledger does not implement the operation
  * AccessRefusedError: the ledger does not accept our token
  * LedgerUnreachableError: the connection could not be made, or broke
    * LedgerDownError: the ledger is known to be away, and nothing was sent
  * LedgerTimeoutError: the deadline passed
  * LedgerBusyError: the ledger is overloaded
  * ErasedIntentError: what was asked is erased, so nothing was sent
  * LedgerFaultError: anything else, at the ledger's end
    * UnreadableAnswerError: the answer is not as the contract says

Two answers of each class decide what money code does next:

``outcome_unknown``: this attempt may have posted. The command is then neither posted nor failed, and only
another attempt with the same key tells (contract ledger.md, failure 2).

``settles``: the ledger judged the command itself, so the answer also holds for earlier attempts with the same
key. A refused token, for example, says that this attempt posted nothing, and nothing of an earlier one.
"""

from app.errors import BillieError, ConfigurationError

NOT_OFFERED = "NO HEALTH CHECK"
"""The status of a ledger that implements no health check."""
_LONGEST_MESSAGE = 2_000


class LedgerSettingsError(ConfigurationError):
    """The settings describe no way to the ledger that may be used."""


class LedgerError(BillieError):
    """A call to the ledger that gave no result.

    ``grpc_code`` is the gRPC status by name (``FAILED_PRECONDITION``), ``message`` what came with it: the
    ledger's own words, or gRPC's where the ledger did not answer. Only the former are shown to API callers.
    """

    status, code = 502, "ledger_fault"
    sentence: str = "The ledger failed, or its answer is invalid."
    is_answer: bool = True
    """Whether the message is the ledger's own."""
    outcome_unknown: bool = True
    settles: bool = False

    def __init__(self, grpc_code: str, message: str) -> None:
        super().__init__(f"{message} ({grpc_code})")
        self.grpc_code = grpc_code
        self.message = message
        self.ledger_message = message[:_LONGEST_MESSAGE] if self.is_answer else None

    @property
    def detail(self) -> str:
        """The sentence for the caller; the exception's own text may name hosts."""
        return self.sentence


class _JudgedError(LedgerError):
    outcome_unknown, settles = False, True


class AccountNotFoundError(_JudgedError):
    """NOT_FOUND: the ledger has no such account. Nothing was posted."""

    status, code = 404, "ledger_account_not_found"
    sentence = "The ledger has no such account."


class LedgerRejectedError(_JudgedError):
    """FAILED_PRECONDITION: a business rule forbids it, for good. A retry cannot help (failure 5)."""

    status, code = 422, "ledger_rejected"
    sentence = "The ledger rejected this. A retry will be rejected too."


class OutOfRangeError(LedgerRejectedError):
    """OUT_OF_RANGE: an argument is beyond what the ledger holds. Nothing was posted."""

    sentence = "A value is out of the ledger's range."


class InvalidRequestError(_JudgedError):
    """INVALID_ARGUMENT: an argument is wrong. Nothing was posted."""

    status, code = 400, "ledger_invalid_request"
    sentence = "The request is invalid for the ledger."


class KeyReusedError(_JudgedError):
    """ALREADY_EXISTS: the key belongs to a command with other content. This one posted nothing."""

    status, code = 409, "idempotency_key_reused"
    sentence = "The key belongs to another command. A new intent takes a new key."


class NotOfferedError(LedgerError):
    """UNIMPLEMENTED: this ledger has no such operation. This attempt posted nothing."""

    outcome_unknown = False


class AccessRefusedError(LedgerError):
    """UNAUTHENTICATED or PERMISSION_DENIED: the fault is in our settings, not in the command.

    This attempt posted nothing.
    """

    outcome_unknown = False


class LedgerUnreachableError(LedgerError):
    """UNAVAILABLE: no connection, or it broke; of a write, after the ledger may have had it."""

    status, code, retryable, retry_after_s = 503, "ledger_unavailable", True, 2
    sentence, is_answer = "The ledger cannot be reached. Try again in a moment.", False


class LedgerDownError(LedgerUnreachableError):
    """The ledger is known to be away: nothing was sent, and the caller does not wait.

    ``outcome_unknown`` stays true: an earlier attempt with the same key may have posted.
    """


class LedgerTimeoutError(LedgerError):
    """DEADLINE_EXCEEDED: no answer in time; a write may have been posted all the same."""

    status, code, retryable = 504, "ledger_timeout", True
    sentence, is_answer = "The ledger did not answer in time. Try again.", False


class LedgerBusyError(LedgerError):
    """RESOURCE_EXHAUSTED: too much for the ledger, or an answer too large for the wire.

    Unknown for a write: the answer can be what was too large.
    """

    status, code, retryable, retry_after_s = 429, "ledger_busy", True, 2
    sentence = "The ledger is overloaded. Try again."


class ErasedIntentError(LedgerError):
    """Part of what was asked is erased: nothing was sent; earlier attempts are only in the ledger's books."""

    def __init__(self) -> None:
        super().__init__("ERASED", "it can no longer be read: look into the ledger, and settle it by hand")


class LedgerFaultError(LedgerError):
    """CANCELLED, UNKNOWN, INTERNAL, ABORTED, DATA_LOSS, or a status that we do not know."""


class UnreadableAnswerError(LedgerFaultError):
    """An answer came, and ``what`` is wrong with it. Of a write: it may well have posted."""

    is_answer = False

    def __init__(self, what: str) -> None:
        super().__init__("INTERNAL", f"the ledger's answer cannot be read: {what}")


_BY_STATUS: dict[str, type[LedgerError]] = {
    "NOT_FOUND": AccountNotFoundError,
    "FAILED_PRECONDITION": LedgerRejectedError,
    "INVALID_ARGUMENT": InvalidRequestError,
    "OUT_OF_RANGE": OutOfRangeError,
    "ALREADY_EXISTS": KeyReusedError,
    "UNIMPLEMENTED": NotOfferedError,
    "UNAUTHENTICATED": AccessRefusedError,
    "PERMISSION_DENIED": AccessRefusedError,
    "UNAVAILABLE": LedgerUnreachableError,
    "DEADLINE_EXCEEDED": LedgerTimeoutError,
    "RESOURCE_EXHAUSTED": LedgerBusyError,
}


def stored_error(grpc_code: str, message: str) -> LedgerError:
    """Our exception for a status that was stored by its name."""
    return _BY_STATUS.get(grpc_code, LedgerFaultError)(grpc_code, message)
