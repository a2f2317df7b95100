"""A role beside which its metrics and its health are served."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import typer
from prometheus_client.registry import Collector

from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.observability.metric import Role
from app.runtime.observability.metrics_server import More, serving_metrics
from app.runtime.settings.settings import Settings


@contextmanager
def measured(
    settings: Settings,
    role: Role,
    *collectors: Collector,
    heartbeats: Heartbeats | None = None,
    more: More = dict,
) -> Iterator[None]:
    """Serve the role's metrics while this lasts. The exit code is 3 where their port is taken."""
    with ExitStack() as serving:
        try:
            serving.enter_context(serving_metrics(settings, role, collectors, heartbeats, more))
        except OSError as error:
            place = f"{settings.metrics_host}, port {settings.metrics_port}"
            typer.echo(
                f"{place}: {error.strerror}. Set BILLIE_METRICS_HOST, or BILLIE_METRICS_PORT: each process "
                "has its own.",
                err=True,
            )
            raise typer.Exit(3) from error
        yield
