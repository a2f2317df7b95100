"""What the ledger's errors are over HTTP: one table (issue 4, point 5).

A rejection is never called retryable: the same request would be rejected again (contract ledger.md,
failure 5). Money routes handle an unknown outcome themselves; what reaches this table of theirs is known.
"""

import logging
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response

from app.api.http.problems import ProblemError, answer
from app.ledger.client import errors

log = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS = 2
_LONGEST_MESSAGE = 2_000


@dataclass(frozen=True)
class _Answer:
    status: int
    code: str
    detail: str
    retryable: bool = False
    retry_after: bool = False
    quotes: bool = True
    """Whether the message is the ledger's own: of one that did not answer, it is only gRPC's."""


_FAULT = _Answer(502, "ledger_fault", "The ledger failed, or answered what it must not.")

_ANSWERS: dict[type[errors.LedgerError], _Answer] = {
    errors.AccountNotFoundError: _Answer(404, "ledger_account_not_found", "The ledger has no such account."),
    errors.LedgerRejectedError: _Answer(422, "ledger_rejected", "The ledger rejects this, and will again."),
    errors.OutOfRangeError: _Answer(422, "ledger_rejected", "A value is beyond what the ledger holds."),
    errors.InvalidRequestError: _Answer(
        400, "ledger_invalid_request", "The ledger takes no such request; change it."
    ),
    errors.KeyReusedError: _Answer(
        409, "idempotency_key_reused", "This key belongs to another command; take a new one for a new intent."
    ),
    errors.LedgerUnreachableError: _Answer(
        503,
        "ledger_unavailable",
        "The ledger cannot be reached. Try again shortly.",
        retryable=True,
        retry_after=True,
        quotes=False,
    ),
    errors.LedgerTimeoutError: _Answer(
        504, "ledger_timeout", "The ledger did not answer in time. Try again.", retryable=True, quotes=False
    ),
    errors.LedgerBusyError: _Answer(
        429, "ledger_busy", "The ledger has too much to do. Try again.", retryable=True, retry_after=True
    ),
    errors.LedgerFaultError: _FAULT,
    errors.UnreadableAnswerError: _Answer(_FAULT.status, _FAULT.code, _FAULT.detail, quotes=False),
}


def ledger_problem(error: errors.LedgerError) -> ProblemError:
    """The problem that this error is to a caller. Errors that the table does not name are faults."""
    found = next((_ANSWERS[each] for each in type(error).__mro__ if each in _ANSWERS), _FAULT)
    return ProblemError(
        found.status,
        found.code,
        found.detail,
        retryable=found.retryable,
        headers={"Retry-After": str(_RETRY_AFTER_SECONDS)} if found.retry_after else None,
        ledger_message=error.message[:_LONGEST_MESSAGE] if found.quotes else None,
    )


def install(app: FastAPI) -> None:
    """Answer a LedgerError that leaves a route with its problem."""

    @app.exception_handler(errors.LedgerError)
    async def _ledger(request: Request, error: errors.LedgerError) -> Response:
        problem = ledger_problem(error)
        if problem.status >= 500:
            # The message may name hosts, and is for us.
            log.error("Request %s: the ledger: %s", request.state.id, error)
        return answer(request, problem)
