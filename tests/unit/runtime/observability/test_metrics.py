"""The table of metrics: whole, in Prometheus's words, and the page is made of it."""

import re

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.runtime.observability.metrics import METRICS, Metric, Role, registry_of
from tests.support.commands import ROOT
from tools.pages.metrics_page import page

UNITS = ("_total", "_seconds", "_entries", "_events", "_commands", "_info")
COUNTED = re.compile(r"billie_[a-z]+(_[a-z]+)*")
OF_THE_CATALOGUE = ("billie_ingest_unreadable_total", "billie_ingest_clock_ahead_total")
"""Their types and paths are those of the models: no sender can add one."""
IDENTITIES = re.compile("id|name|customer|account|user|key|type|address|path")


def test_the_page_is_current() -> None:
    assert (ROOT / "docs/metrics.md").read_text(encoding="utf-8") == page(), "run `make metrics`"


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_metrics_follow_prometheus_naming_and_have_help_texts(metric: Metric) -> None:
    assert COUNTED.fullmatch(metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert metric.kind != "histogram" or metric.name.endswith(UNITS)
    assert metric.meaning.endswith(".")
    assert metric.roles


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_no_label_holds_an_identity(metric: Metric) -> None:
    known = {"type", "path"} if metric.name in OF_THE_CATALOGUE else set()
    assert not [label for label in metric.labels if label not in known and IDENTITIES.search(label)]


@pytest.mark.parametrize("role", Role)
def test_a_role_shows_its_own_metrics_and_no_others(role: Role) -> None:
    text = generate_latest(registry_of(role)).decode()
    shown = {family.name for family in text_string_to_metric_families(text)}
    ours = {name for name in shown if name.startswith("billie_")}
    own = {
        each.name.removesuffix("_total")
        for each in METRICS.values()
        if role in each.roles and each.instrument is not None
    }
    assert ours == own
    assert f'role="{role}"' in text
    assert "process_resident_memory_bytes" in text
