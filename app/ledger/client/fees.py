"""A fee, in the words that this ledger understands (contract ledger.md, ``ApplyFee``)."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from app.ledger.client.errors import NotOfferedError
from app.ledger.wire import accounting_ledger_pb2 as wire

FeeKind = Literal["LATE_FEE", "DISHONOUR_FEE"]

Send = Callable[[str, Any], Awaitable[Any]]
"""Sends a request to the rpc of this name."""


class FeeDialect:
    """Whether the ledger speaks ApplyFee, or a call for each kind of fee; learnt when it is first asked.

    What is not offered has not been posted, so that the other words may be tried with the same key.
    """

    def __init__(self) -> None:
        self._general = True

    async def apply(self, send: Send, request: wire.ApplyFeeRequest) -> Any:
        """The ledger's answer. Raises NotOfferedError where it knows neither way."""
        ways = (self._generally, self._specifically)
        for general in (self._general, not self._general):
            try:
                answer = await ways[0 if general else 1](send, request)
            except NotOfferedError as error:
                refusal = error
                continue
            self._general = general
            return answer
        raise refusal

    async def _generally(self, send: Send, request: wire.ApplyFeeRequest) -> Any:
        return await send("ApplyFee", request)

    async def _specifically(self, send: Send, request: wire.ApplyFeeRequest) -> Any:
        given = {field.name: value for field, value in request.ListFields()}
        given.pop("fee_type")
        if request.fee_type == wire.TransactionType.LATE_FEE:
            # The reference has no place in it.
            given.pop("reference_id", None)
            return await send("ApplyLateFee", wire.ApplyLateFeeRequest(**given))
        given.pop("days_past_due", None)
        return await send("ApplyDishonourFee", wire.ApplyDishonourFeeRequest(**given))
