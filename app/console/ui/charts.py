"""Small charts, drawn on the server as SVG: a line through the latest figures, with its words beside it."""

from typing import NamedTuple

WIDTH, HEIGHT = 220, 44
_EDGE = 2


class Chart(NamedTuple):
    """A line of figures, broken where nothing is known; ``said`` is for those who do not see it."""

    words: str
    now: str
    lines: list[str]
    said: str
    explains: str


def chart(words: str, figures: list[float | None], span_s: float, explains: str, *, unit: str = "") -> Chart:
    """A chart of figures at even distances, the newest at the right; it begins at zero."""
    known = [each for each in figures if each is not None]
    top = max([*known, 1.0])
    latest = figures[-1] if figures else None
    now = "–" if latest is None else f"{number(latest)}{unit}"
    if known:
        said = f"{words}: {now} now, between {number(min(known))} and {number(max(known))} in {span_s:.0f} s"
    else:
        said = f"{words}: not known"
    step = (WIDTH - 2 * _EDGE) / max(1, len(figures) - 1)
    points = [
        None if each is None else (_EDGE + step * at, HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * each / top)
        for at, each in enumerate(figures)
    ]
    return Chart(words, now, _lines(points), said, explains)


def number(value: float) -> str:
    """``1,234``; below ten, with one place where it is no whole number."""
    return f"{value:,.1f}" if value < 10 and value != int(value) else f"{value:,.0f}"


def _lines(points: list[tuple[float, float] | None]) -> list[str]:
    lines: list[list[str]] = [[]]
    for point in points:
        if point is None:
            lines.append([])
        else:
            lines[-1].append(f"{point[0]:.1f},{point[1]:.1f}")
    return [" ".join(each) for each in lines if len(each) > 1]
