"""Writes docs/metrics.md: ``python -m tools.pages.metrics_page docs/metrics.md``."""

import re
import sys
from pathlib import Path

from app.runtime.observability.metrics import EVERY_ROLE, METRICS, Metric, Role

_RULES = Path(__file__).parents[2] / "deploy/prometheus/rules.yml"
_PAGE = """\
# Metrics

Written from `app/runtime/observability/metrics.py` by `make metrics`; a test holds that it is current.
[operations.md](operations.md#metrics-and-alarms) says how they are served, and what to do on each alarm.

Labels have few values, known beforehand, and hold no ids and nothing personal. Every role also has the
`process_…` metrics of its own memory, files and processor time.
{tables}"""


def page() -> str:
    """The text of docs/metrics.md."""
    tables, alarms = [], _alarms()
    for title, roles in _sections():
        lines = ["", f"## {title}", "", "| name | type | labels | meaning | alarm |", "|---|---|---|---|---|"]
        lines += [_row(each, alarms) for each in METRICS.values() if each.roles == roles]
        tables.append("\n".join(lines))
    return _PAGE.format(tables="\n".join(tables)) + "\n"


def _sections() -> list[tuple[str, tuple[Role, ...]]]:
    """The roles that have metrics, in the table's order, and what their section is called."""
    found = dict.fromkeys(each.roles for each in METRICS.values())
    return [("Every role" if roles == EVERY_ROLE else ", ".join(roles), roles) for roles in found]


def _row(metric: Metric, alarms: dict[str, set[str]]) -> str:
    labels = ", ".join(f"`{each}`" for each in metric.labels)
    watching = ", ".join(f"`{alarm}`" for alarm, names in alarms.items() if metric.name in names)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} | {watching} |"


def _alarms() -> dict[str, set[str]]:
    """The metrics that the expression of each alert rule names."""
    found = {}
    for rule in _RULES.read_text(encoding="utf-8").split("- alert: ")[1:]:
        expression = rule[rule.index("expr:") : rule.index("annotations:")]
        names = re.findall(r"billie_\w+", re.sub("#.*", "", expression))
        found[rule.split()[0]] = {re.sub("_(bucket|sum|count)$", "", name) for name in names}
    return found


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
