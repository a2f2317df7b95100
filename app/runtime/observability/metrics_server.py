"""Serves ``/metrics`` to Prometheus, and ``/healthz`` and ``/readyz`` beside it: never on the public port."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from prometheus_client import start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.errors import PortTakenError
from app.runtime.observability.heartbeats import Heartbeats
from app.runtime.observability.metrics import LOOP_AGE, Role, registry_of
from app.runtime.settings.settings import Settings

log = logging.getLogger(__name__)

More = Callable[[], dict[str, Any]]
"""What a role tells of itself beside the health of its loops."""


@contextmanager
def serving_metrics(
    settings: Settings,
    role: Role,
    collectors: Sequence[Collector] = (),
    heartbeats: Heartbeats | None = None,
    more: More = dict,
) -> Iterator[None]:
    """Serve them while this lasts, where ``BILLIE_METRICS_PORT`` is set; ``collectors`` are asked each time.

    With ``heartbeats``, ``/healthz`` and ``/readyz`` tell of the role's loops, and ``/readyz`` of ``more``.
    Raises PortTakenError.
    """
    if settings.metrics_port is None:
        yield
        return
    registry = registry_of(role)
    for each in collectors:
        registry.register(each)
    if heartbeats is not None:
        registry.register(_LoopAges(heartbeats))
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, registry)
    except OSError as error:
        raise PortTakenError(settings.metrics_host, settings.metrics_port, "BILLIE_METRICS", error) from error
    if heartbeats is not None:
        server.set_app(_with_health(server.get_app(), heartbeats, more))
    shown = f"[{settings.metrics_host}]" if ":" in settings.metrics_host else settings.metrics_host
    log.info("Metrics at http://%s:%d/metrics", shown, server.server_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _LoopAges(Collector):
    def __init__(self, heartbeats: Heartbeats) -> None:
        self._heartbeats = heartbeats

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(LOOP_AGE.name, LOOP_AGE.meaning, labels=LOOP_AGE.labels)
        for loop, age in self._heartbeats.ages().items():
            family.add_metric([loop], age)
        yield family


def _with_health(metrics: Any, heartbeats: Heartbeats, more: More) -> Any:
    """A WSGI application: health, and all else as it was."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if (path := environ["PATH_INFO"]) not in ("/healthz", "/readyz"):
            found: Iterable[bytes] = metrics(environ, start_response)
            return found
        is_asked_ready = path == "/readyz"
        is_well = heartbeats.are_ready() if is_asked_ready else heartbeats.are_live()
        more_fields = more() if is_asked_ready else {}
        loops = {name: round(age, 3) for name, age in heartbeats.ages().items()}
        body = {"status": "ok" if is_well else "stalled", "loopAgeSeconds": loops, **more_fields}
        status = "200 OK" if is_well else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]

    return application
