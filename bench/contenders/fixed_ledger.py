"""A ledger of one account and one answer, until terminated.

``python -m bench.contenders.fixed_ledger HOST:PORT``
"""

import asyncio
import sys
from typing import Any

import grpc.aio

from app.ledger.wire import accounting_ledger_pb2 as wire
from app.ledger.wire.accounting_ledger_pb2_grpc import (
    AccountingLedgerServiceServicer,
    add_AccountingLedgerServiceServicer_to_server,
)

_ANSWER = wire.GetBalanceResponse(
    loan_account_id="L1", principal_balance="440.00", fee_balance="10.00", total_outstanding="450.00"
)


class FixedLedger(AccountingLedgerServiceServicer):
    """Answers at once: what is measured is the way to it."""

    async def GetBalance(self, request: Any, context: Any) -> wire.GetBalanceResponse:  # noqa: N802, ARG002
        """The answer."""
        return _ANSWER


async def main(target: str) -> None:
    """Serve until the process is terminated."""
    server = grpc.aio.server()
    add_AccountingLedgerServiceServicer_to_server(FixedLedger(), server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(target)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
