"""Alert rules, dashboard and runbook name only existing metrics and panels, and each other."""

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from app.runtime.observability.metrics import METRICS
from tests.support.commands import ROOT

RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((ROOT / "deploy/grafana/billie.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RUNBOOK = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SPAN = re.compile(r"([0-9]+(ms|[smhdwy]))+")
NOT_OURS = {"up": {"job", "instance"}, "process_resident_memory_bytes": {"job", "instance"}}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}


def samples() -> dict[str, set[str]]:
    """The names that Prometheus stores, and the labels of each."""
    found = {name: set(labels) for name, labels in NOT_OURS.items()}
    for name, metric in METRICS.items():
        for suffix in SUFFIXES.get(metric.kind, ("",)):
            more = {"le"} if suffix == "_bucket" else set()
            found[name + suffix] = {*metric.labels, "job", "instance"} | more
    return found


SAMPLES = samples()


def parts(expression: Any) -> Iterator[Any]:
    """An expression of PromQL, and all that it is made of."""
    yield expression
    for name in ("expr", "lhs", "rhs", "param", "vector_selector", "vs"):
        part = getattr(expression, name, None)
        if part is not None and not isinstance(part, str):
            yield from parts(part)
    for part in getattr(expression, "args", ()):
        yield from parts(part)


def selectors(text: str) -> list[Any]:
    found = [
        each for each in parts(promql_parser.parse(text)) if isinstance(each, promql_parser.VectorSelector)
    ]
    assert len(found) == len(re.findall(r"\b(?:billie_\w+|up\b|process_\w+)", text)), text
    return found


def faults(text: str) -> list[str]:
    """The metrics of an expression that do not exist."""
    found = []
    for each in selectors(text):
        if each.name not in SAMPLES:
            found.append(f"no metric {each.name}")
            continue
        asked = {matcher.name for matcher in each.matchers.matchers} - {"__name__"}
        found += [f"{each.name} has no label {label}" for label in asked - SAMPLES[each.name]]
    return found


def anchors() -> set[str]:
    """The sections of the runbook, as links name them."""
    heads = re.findall(r"^#+ (.*)$", RUNBOOK, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_a_rule_is_complete_and_queries_existing_metrics(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch("Billie[A-Z][A-Za-z]+", rule["alert"])
    assert SPAN.fullmatch(rule.get("for", "1m"))
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "runbook"}
    assert faults(rule["expr"]) == []


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alarm_has_its_section_in_the_runbook(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert page == "docs/operations.md"
    assert anchor in anchors()
    assert f"`{rule['alert']}`" in RUNBOOK


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_a_panel_queries_existing_metrics(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    assert set(panel["gridPos"]) == {"h", "w", "x", "y"}
    for target in panel["targets"]:
        assert faults(target["expr"].replace("$__rate_interval", "5m")) == []


def test_the_dashboard_can_be_imported() -> None:
    assert DASHBOARD["uid"] == "billie"
    assert DASHBOARD["schemaVersion"] >= 39
    assert "id" not in DASHBOARD
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    (source,) = DASHBOARD["templating"]["list"]
    assert source["type"] == "datasource"
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in PANELS)
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("wrong", ["billie_no_such > 1", 'billie_stream_entries{color="red"} > 1'])
def test_the_test_finds_missing_metrics(wrong: str) -> None:
    assert faults(wrong)
