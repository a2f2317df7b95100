"""``make bench-ledger``: what REST adds to a read of the ledger, against a direct gRPC call.

A ledger with one fixed answer, the API as its role serves it, and the callers are three processes. The two
ways, to the same ledger, take turns: one after the other at first, which is the latency that REST
adds; then 32 at once, which is how many calls it can carry. The HTTP caller is a bare socket, so that the
cost of an HTTP client does not count as the API's.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import grpc.aio

from app.ledger.wire import accounting_ledger_pb2 as wire
from app.ledger.wire.accounting_ledger_pb2_grpc import AccountingLedgerServiceStub
from app.runtime.servers.embedded import free_port
from bench.shared.http_caller import HttpCaller
from bench.shared.served import api_environment, reader_token, started

_GOAL_MS = 2.0
_UP_WITHIN_S = 20.0

Call = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Figure:
    """Milliseconds of a call, and calls a second of all callers together."""

    p50: float
    p99: float
    rate: float


def main() -> None:
    """Measure both ways in turns, and print what the longer one costs more."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=2_000, help="of each way, in each round")
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    ledger, api = f"127.0.0.1:{free_port()}", free_port()
    with tempfile.TemporaryDirectory(prefix="billie-bench-") as folder, ExitStack() as stack:
        environment = api_environment(Path(folder), api, "mongodb://127.0.0.1:1", ledger_target=ledger)
        for command in (("bench.contenders.fixed_ledger", ledger), ("app.cli.main", "api")):
            started(stack, Path(folder) / f"{command[0]}.log", environment, *command)
        asyncio.run(_measure(ledger, api, asked.calls, asked.rounds))


async def _measure(ledger: str, api: int, calls: int, rounds: int) -> None:
    token = reader_token()
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(ledger))
        stub: Any = AccountingLedgerServiceStub(channel)  # type: ignore[no-untyped-call]
        request = wire.GetBalanceRequest(loan_account_id="L1")

        async def direct() -> None:
            await stub.GetBalance(request, timeout=2)

        async with asyncio.timeout(_UP_WITHIN_S):
            await stub.GetBalance(request, wait_for_ready=True)
        for at_once in (1, 32):
            callers = [
                await HttpCaller.to(api, "/v1/ledger/accounts/L1/balance", token, _UP_WITHIN_S)
                for _ in range(at_once)
            ]
            ways: dict[str, list[Call]] = {
                "direct": [direct] * at_once,
                "REST": [caller.get for caller in callers],
            }
            for way in ways.values():
                await _round(way, 200)  # Until all is warm.
            seen: dict[str, list[Figure]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, way in ways.items():
                    seen[name].append(await _round(way, calls))
            _print(at_once, _median(seen["direct"]), _median(seen["REST"]))
            for caller in callers:
                caller.close()


async def _round(callers: list[Call], calls: int) -> Figure:
    took: list[float] = []

    async def call_on(call: Call) -> None:
        for _ in range(calls // len(callers)):
            began = perf_counter()
            await call()
            took.append((perf_counter() - began) * 1000)

    began = perf_counter()
    await asyncio.gather(*map(call_on, callers))
    parts = statistics.quantiles(took, n=100)
    return Figure(parts[49], parts[98], len(took) / (perf_counter() - began))


def _median(figures: list[Figure]) -> Figure:
    return Figure(
        *(statistics.median(getattr(each, name) for each in figures) for name in ("p50", "p99", "rate"))
    )


def _print(at_once: int, direct: Figure, rest: Figure) -> None:
    print(f"{at_once} at once{'direct':>16}{'REST':>10}{'added':>10}{'ratio':>8}")
    for name in ("p50", "p99"):
        ours, theirs = getattr(rest, name), getattr(direct, name)
        print(f"  {name} ms {theirs:>16.2f}{ours:>10.2f}{ours - theirs:>+10.2f}{ours / theirs:>8.2f}")
    print(f"  calls/s {direct.rate:>14.0f}{rest.rate:>10.0f}{'':>10}{rest.rate / direct.rate:>8.2f}")
    if at_once == 1:
        verdict = "met" if rest.p50 - direct.p50 < _GOAL_MS else "MISSED"
        print(f"  goal: REST adds less than {_GOAL_MS:.0f} ms at p50: {verdict}")


if __name__ == "__main__":
    main()
