"""What a metric is: an instrument, or a value collected at each scrape, with its line in the table."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from prometheus_client import Counter, Gauge, Histogram, Info


class Role(StrEnum):
    """A process that serves ``/metrics``."""

    INGEST = "ingest"
    PROJECT = "project"
    API = "api"
    LEDGER_SANDBOX = "ledger-sandbox"


EVERY_ROLE = tuple(Role)
FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
ENTRIES = (1, 5, 10, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000)

Instrument = Counter | Gauge | Histogram | Info
T = TypeVar("T", Counter, Gauge, Histogram)


@dataclass(frozen=True)
class Metric:
    """A line of the table."""

    name: str
    kind: str
    roles: tuple[Role, ...]
    meaning: str
    labels: tuple[str, ...] = ()
    instrument: Instrument | None = None


METRICS: dict[str, Metric] = {}
"""By name, in the order of the page."""


def metric(
    kind: type[T], name: str, roles: tuple[Role, ...], meaning: str, labels: tuple[str, ...] = (), **more: Any
) -> T:
    made = kind(name, meaning, labels, registry=None, **more)
    METRICS[name] = Metric(name, kind.__name__.lower(), roles, meaning, labels, made)
    return made


def scraped(name: str, roles: tuple[Role, ...], meaning: str, labels: tuple[str, ...] = ()) -> Metric:
    METRICS[name] = Metric(name, "gauge", roles, meaning, labels)
    return METRICS[name]
