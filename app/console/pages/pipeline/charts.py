"""Small line charts, drawn on the server as SVG."""

from typing import NamedTuple

WIDTH, HEIGHT = 220, 44
_EDGE = 2


class Chart(NamedTuple):
    """A line of figures with gaps where they are unknown; ``description`` is for screen readers."""

    title: str
    now: str
    lines: list[str]
    description: str
    caption: str


def chart(title: str, figures: list[float | None], seconds: float, caption: str, *, unit: str = "") -> Chart:
    """A chart of figures at even intervals, the latest at the right; its axis starts at zero."""
    known = [each for each in figures if each is not None]
    top = max([*known, 1.0])
    latest = figures[-1] if figures else None
    now = "–" if latest is None else f"{number(latest)}{unit}"
    if known:
        lowest, highest = number(min(known)), number(max(known))
        description = f"{title}: {now} now, between {lowest} and {highest} in {seconds:.0f} s"
    else:
        description = f"{title}: unknown"
    step = (WIDTH - 2 * _EDGE) / max(1, len(figures) - 1)
    points = [
        None if each is None else (_EDGE + step * at, HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * each / top)
        for at, each in enumerate(figures)
    ]
    return Chart(title, now, _lines(points), description, caption)


def number(value: float) -> str:
    """``1,234``; a fraction below ten keeps one decimal."""
    return f"{value:,.1f}" if value < 10 and value != int(value) else f"{value:,.0f}"


def _lines(points: list[tuple[float, float] | None]) -> list[str]:
    lines: list[list[str]] = [[]]
    for point in points:
        if point is None:
            lines.append([])
        else:
            lines[-1].append(f"{point[0]:.1f},{point[1]:.1f}")
    return [" ".join(each) for each in lines if len(each) > 1]
