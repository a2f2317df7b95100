"""What a process shows to Prometheus, and how a metric of this process moved."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from app.runtime.observability.metrics import Role
from app.runtime.observability.metrics_server import serving_metrics
from app.runtime.servers.embedded import free_port
from app.runtime.settings.settings import Settings
from tests.support.waiting import LONG_S

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(url: str) -> Samples:
    """Every sample at a ``/metrics``."""
    answer = httpx.get(url, timeout=LONG_S)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """One sample's value; None where there is none."""
    return samples.get((name, frozenset(labels.items())))


@contextmanager
def metrics_of(settings: Settings, role: Role, *collectors: Collector) -> Iterator[str]:
    """The address of this process's metrics, as a role shows them."""
    port = free_port()
    with serving_metrics(settings.model_copy(update={"metrics_port": port}), role, collectors):
        yield f"http://127.0.0.1:{port}/metrics"


class Moves:
    """By how much metrics moved since this was made: other tests of this process moved them too."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._before = scraped(url)

    def of(self, name: str, **labels: str) -> float:
        now = value(scraped(self._url), name, **labels)
        assert now is not None, (name, labels)
        return now - (value(self._before, name, **labels) or 0.0)
