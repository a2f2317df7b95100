"""What the fire prints at its end."""

from collections.abc import Sequence

from tests.chaos.faults.schedule import Kind
from tests.chaos.fire import Fire
from tests.chaos.violations import Violations

_WIDTH = max(map(len, Kind))


def table(fire: Fire, messages: int, wrong: Violations, notes: Sequence[str]) -> str:
    """A line for each kind of fault, one for all of them, and what else is worth knowing."""
    lines = [_line("fault", "strikes", "messages meanwhile", "violations")]
    for kind in Kind:
        counts = (fire.struck[kind], fire.messages[kind], wrong.counted[kind])
        lines.append(_line(kind, *(f"{each:,}" for each in counts)))
    total = (sum(fire.struck.values()), messages, len(wrong.complaints))
    lines.append(_line("all", *(f"{each:,}" for each in total)))
    return "\n".join(["", *lines, "", *notes, *(f"VIOLATION {each}" for each in wrong.complaints), ""])


def _line(*cells: str) -> str:
    name, strikes, messages, violations = cells
    return f"| {name:{_WIDTH}} | {strikes:>7} | {messages:>18} | {violations:>10} |"
