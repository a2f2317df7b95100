"""Counts the calls that the sandbox gets, and what it did with each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from app.ledger.client.channel import SERVICE
from app.runtime.observability.metrics import SANDBOX_CALLS


class MeasuredCalls(grpc.ServerInterceptor):  # type: ignore[misc]
    """Counts each call when it ends, by its operation and the status that it ended with."""

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Part of gRPC's interface. What has no handler is no operation of the contract, and not counted."""
        service, _, name = details.method.rpartition("/")
        handler = continuation(details)
        if handler is None or service != f"/{SERVICE}":
            return handler
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                _counted_stream(name, handler.unary_stream),
                handler.request_deserializer,
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            _counted(name, handler.unary_unary), handler.request_deserializer, handler.response_serializer
        )


def _counted(name: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        with _counting(name, context):
            return behaviour(request, context)

    return call


def _counted_stream(name: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with _counting(name, context):
            yield from behaviour(request, context)

    return call


@contextmanager
def _counting(name: str, context: grpc.ServicerContext) -> Iterator[None]:
    outcome = "OK"
    try:
        yield
    except GeneratorExit:
        outcome = "CANCELLED"  # Nobody listens any more.
        raise
    except BaseException:
        outcome = (context.code() or grpc.StatusCode.UNKNOWN).name
        raise
    finally:
        SANDBOX_CALLS.labels(name, outcome).inc()
