"""The tables of ``make bench-projections``."""

from bench.shared.measured import Figure, Goal, Run, times_as_fast

WAYS = ("live", "rebuild", "verify", "floor")
CHANGED = "rebuild, all differ"
"""A rebuild after which every document is another than before."""
LIBRARY = "library"
"""The eventsourcing library's ``ProjectionRunner``."""

_TAIL = f"{'floors':>6}  {'CPU us/event':>12}  {'peak MB':>7}"

TOGETHER = "the three"
"""The read models that the library's contender writes too."""

Table = dict[tuple[str, str], Figure]
"""Figures by way and set of read models; all have as many runs."""


def report(figures: Table, events: int) -> None:
    """Print a line a figure, then the goals. ``floors`` are times of the floor for the same read models."""
    library = figures[LIBRARY, TOGETHER]
    bound = f"{library.runs[0].events:,} for the library's ProjectionRunner, whose rate is taken to hold on"
    print(f"{events:,} events, {bound}.")
    print("Medians, and the range of rounds. CPU is that of the process and the server.\n")
    print(f"{'':30}{'events/s':>9}  {'range':>16}  {'x library':>9}  {_TAIL}")
    for (way, chosen), figure in figures.items():
        low, high = figure.range
        in_floors = times_as_fast(figures["floor", chosen], figure).by_clock
        print(
            f"{f'{way}: {chosen}':30}{figure.rate:>9,.0f}  {f'{low:,.0f} to {high:,.0f}':>16}"
            f"  {times_as_fast(figure, library).by_clock:>9.1f}  {in_floors:>6.2f}  {figure.cpu_us:>12,.0f}"
            f"  {figure.peak_mb:>7,.0f}"
        )
    live, rebuilt, verified, floor = (figures[way, TOGETHER] for way in WAYS)
    print(f"\nOf {TOGETHER}:")
    for goal, ratio in (
        (Goal("rebuild, times the library's rate", 30, at_least=True), times_as_fast(rebuilt, library)),
        (Goal("rebuild, times the floor's time", 3, at_least=False), times_as_fast(floor, rebuilt)),
        (Goal("live, times the library's rate", 15, at_least=True), times_as_fast(live, library)),
        (Goal("verify, times a rebuild's time", 1, at_least=False), times_as_fast(rebuilt, verified)),
    ):
        print(goal.line(ratio))


def report_growth(grown: dict[int, dict[str, Run]]) -> None:
    """Print how time and memory grow with the events: a block a way, all read models, one run each."""
    for way in WAYS[:3]:
        print(f"\n{way}, all read models")
        print(f"{'events':>11}  {'seconds':>8}  {'events/s':>9}  {_TAIL}")
        for events, runs in grown.items():
            run = runs[way]
            print(
                f"{events:>11,}  {run.seconds:>8.1f}  {events / run.seconds:>9,.0f}"
                f"  {run.seconds / runs['floor'].seconds:>6.2f}  {run.cpu_s / events * 1e6:>12,.0f}"
                f"  {run.peak_mb:>7,.0f}"
            )
