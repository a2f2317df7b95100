"""What the sandbox ledger refuses, as exceptions; the service gives each its gRPC status.

* Refusal
  * BadArgumentError: INVALID_ARGUMENT, whatever the books say
  * UnknownAccountError: NOT_FOUND
  * RejectedError: FAILED_PRECONDITION; the message is for the operator
  * KeyReusedError: ALREADY_EXISTS, the idempotency key stands for another request
"""


class Refusal(Exception):  # noqa: N818
    """Nothing was posted. The text is the answer's."""


class BadArgumentError(Refusal):
    pass


class UnknownAccountError(Refusal):
    pass


class RejectedError(Refusal):
    pass


class KeyReusedError(Refusal):
    pass
