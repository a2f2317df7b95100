"""A fee, in the calls that this ledger offers (contract ledger.md, ``ApplyFee``)."""

from collections.abc import Awaitable, Callable
from typing import Any

from app.ledger.client.errors import NotOfferedError
from app.ledger.wire import accounting_ledger_pb2 as wire

Send = Callable[[str, Any], Awaitable[Any]]
"""Sends a request to the rpc of this name."""


class FeeCalls:
    """Whether the ledger offers ApplyFee, or one call for each kind of fee; learnt from its answers.

    What is not offered has not been posted, so the other call may be tried with the same key.
    """

    def __init__(self) -> None:
        self._general = True

    async def apply(self, send: Send, request: wire.ApplyFeeRequest) -> Any:
        """The ledger's answer. Raises NotOfferedError if it offers neither."""
        specific = _specific(request)
        calls = {True: ("ApplyFee", request), False: specific}
        try:
            return await send(*calls[self._general])
        except NotOfferedError:
            answer = await send(*calls[not self._general])
            self._general = not self._general
            return answer


def _specific(request: wire.ApplyFeeRequest) -> tuple[str, Any]:
    """The call for this kind of fee alone, which has no place for some of the fields."""
    given = {field.name: value for field, value in request.ListFields() if field.name != "fee_type"}
    if request.fee_type == wire.TransactionType.LATE_FEE:
        given.pop("reference_id", None)
        return "ApplyLateFee", wire.ApplyLateFeeRequest(**given)
    given.pop("days_past_due", None)
    return "ApplyDishonourFee", wire.ApplyDishonourFeeRequest(**given)
