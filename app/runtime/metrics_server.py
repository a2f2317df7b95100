"""Serves ``/metrics`` to Prometheus: on a port of its own, which is never the public one."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import start_http_server
from prometheus_client.registry import Collector

from app.runtime.metrics import Role, registry_of
from app.runtime.settings import Settings

log = logging.getLogger(__name__)


@contextmanager
def serving_metrics(settings: Settings, role: Role, collectors: Sequence[Collector] = ()) -> Iterator[None]:
    """Serve them while this lasts, where ``BILLIE_METRICS_PORT`` is set; ``collectors`` are asked each time.

    Raises OSError where the port is taken.
    """
    if settings.metrics_port is None:
        yield
        return
    registry = registry_of(role)
    for each in collectors:
        registry.register(each)
    server, thread = start_http_server(settings.metrics_port, settings.metrics_host, registry)
    shown = f"[{settings.metrics_host}]" if ":" in settings.metrics_host else settings.metrics_host
    log.info("Metrics at http://%s:%d/metrics", shown, server.server_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
