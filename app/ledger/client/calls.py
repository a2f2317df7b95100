"""How a call is made: with a deadline and our token, through a circuit breaker, its errors by name.

The breaker is our own: the libraries for asyncio let every call through when they try again (purgatory), or
are unmaintained (aiobreaker).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import monotonic, perf_counter
from typing import Any, cast

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from app.ledger.client.channel import Metadata, ledger_error
from app.ledger.client.errors import (
    LedgerDownError,
    LedgerError,
    LedgerTimeoutError,
    LedgerUnreachableError,
    NotOfferedError,
    UnreadableAnswerError,
)
from app.runtime.observability.metrics import BREAKER_OPEN, LEDGER_CALLS, LEDGER_SECONDS

_WATCH_CONNECT_SECONDS = 1.0


class Breaker:
    """Opens after ``failures`` in a row, for ``rest_seconds``; then one call tries, alone.

    Its success closes the breaker, its failure makes it rest again. Only a call that nothing answers is a
    failure: a rejection is an answer, and so a success here. For one event loop: it has no lock.
    """

    def __init__(
        self, *, failures: int = 3, rest_seconds: float = 1.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._most, self._rest, self._clock = failures, rest_seconds, clock
        self._failed, self._rests_until, self._trying = 0, 0.0, False

    @property
    def is_closed(self) -> bool:
        """Whether all calls are let through."""
        return self._failed < self._most

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around a call. Raises LedgerDownError instead of letting it happen."""
        trying = self._admit()
        try:
            yield
        except Exception as error:
            if _no_answer(error):
                self.failed()
            else:
                self.answered()
            raise
        else:
            self.answered()
        finally:
            # A cancelled call proves nothing: the next one may try.
            if trying:
                self._trying = False

    def answered(self) -> None:
        self._failed = 0

    def failed(self) -> None:
        self._failed += 1
        self._rests_until = self._clock() + self._rest

    def _admit(self) -> bool:
        """Whether this call is the one that tries."""
        if self.is_closed:
            return False
        left = self._rests_until - self._clock()
        if left > 0 or self._trying:
            why = f"not called: earlier calls got no answer; the next try is in {max(left, 0.0):.1f} s"
            raise LedgerDownError("UNAVAILABLE", why)
        self._trying = True
        return True


def _no_answer(error: Exception) -> bool:
    return isinstance(error, LedgerUnreachableError | LedgerTimeoutError)


async def _answered(call: Awaitable[Any]) -> Any:
    """The answer to a call. Raises LedgerError, also if its channel was closed meanwhile.

    gRPC reports that as a cancellation, as if the caller had gone away.
    """
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise ledger_error(error) from error
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
    raise LedgerUnreachableError("UNAVAILABLE", "the connection was closed before the answer")


class Calls:
    def __init__(self, channel: grpc.aio.Channel, metadata: Metadata, breaker: Breaker) -> None:
        self._channel, self._metadata, self._breaker = channel, metadata, breaker
        self._check: Any = cast(Any, health_pb2_grpc.HealthStub)(channel).Check

    async def ask(self, operation: str, call: Any, request: Any, seconds: float) -> Any:
        """The answer to ``request``. Raises LedgerError, after ``seconds`` at most."""
        with self._measured(operation), self._breaker.guard():
            answer = await _answered(call(request, timeout=seconds, metadata=self._metadata))
            if answer is None:  # gRPC could not parse it.
                raise UnreadableAnswerError("it is of another type")
            return answer

    async def listen(self, call: Any, request: Any, seconds: float) -> AsyncIterator[Any]:
        """The answers as they come, until the ledger or the caller ends them, or ``seconds`` have passed.

        Raises LedgerError when the connection breaks. Closing the iterator cancels the call.
        """
        if not self._breaker.is_closed:
            await self.raise_if_down(seconds=_WATCH_CONNECT_SECONDS)
        stream = call(request, timeout=seconds, metadata=self._metadata)
        try:
            # Not guarded: a watch may be silent for an hour, and must not be the one call that an open
            # breaker lets through.
            while (answer := await stream.read()) is not grpc.aio.EOF:
                self._breaker.answered()
                if answer is None:
                    raise UnreadableAnswerError("it is of another type")
                yield answer
        except grpc.aio.AioRpcError as error:
            ours = ledger_error(error)
            if isinstance(ours, LedgerTimeoutError):
                return  # As agreed: the reader continues from where it was.
            if _no_answer(ours):
                self._breaker.failed()
            raise ours from error
        finally:
            stream.cancel()
            BREAKER_OPEN.set(not self._breaker.is_closed)

    async def raise_if_down(self, *, seconds: float) -> None:
        """Raise LedgerDownError, after ``seconds`` at most, unless a call may be sent now.

        Costs nothing while the ledger answers. Otherwise a health check probes it, never a
        customer's payment.
        """
        ready = self._channel.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY
        if ready and self._breaker.is_closed:
            return
        try:
            answer = await self.ask("Check", self._check, health_pb2.HealthCheckRequest(), seconds)
        except NotOfferedError:
            return  # It answers.
        except LedgerDownError:
            raise
        except LedgerError as error:
            raise LedgerDownError(error.grpc_code, f"nothing was sent: {error.message}") from error
        if answer.status == health_pb2.HealthCheckResponse.NOT_SERVING:
            raise LedgerDownError("UNAVAILABLE", "nothing was sent: the ledger says that it does not serve")

    @contextmanager
    def _measured(self, operation: str) -> Iterator[None]:
        began, outcome = perf_counter(), "OK"
        try:
            yield
        except LedgerDownError:
            outcome = "NOT_ASKED"
            raise
        except LedgerError as error:
            outcome = error.grpc_code
            raise
        except BaseException:
            outcome = "GIVEN_UP"  # The caller went away.
            raise
        finally:
            LEDGER_CALLS.labels(operation, outcome).inc()
            BREAKER_OPEN.set(not self._breaker.is_closed)
            if outcome != "NOT_ASKED":
                LEDGER_SECONDS.labels(operation).observe(perf_counter() - began)
