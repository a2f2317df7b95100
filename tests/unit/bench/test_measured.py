"""The arithmetic of the projections' benchmark."""

import pytest

from bench.shared.measured import Figure, Goal, Ratio, Run, times_as_fast


def runs(*seconds: float, events: int = 1_000) -> Figure:
    return Figure([Run(events, each, each / 2, 100.0 + each) for each in seconds])


def test_a_figure_is_its_median_time_and_its_peak_memory() -> None:
    figure = runs(1, 10, 2)
    assert (figure.rate, figure.range) == (500, (100, 1_000))
    assert (figure.seconds, figure.cpu_us, figure.peak_mb) == (2, 1_000, 110)


def test_a_ratio_is_of_one_round_and_per_event() -> None:
    """A round in which the machine was slow for both says the same as the others."""
    ratio = times_as_fast(runs(1, 10, 2), runs(0.3, 3, 0.9, events=100))
    assert ratio.by_clock == pytest.approx(3)
    assert ratio.by_cpu == pytest.approx(3)


def test_rounds_that_do_not_match_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="longer"):
        times_as_fast(runs(1), runs(1, 2))


def test_a_goal_is_met_by_the_clock() -> None:
    fast = Goal("as fast as that", 30, at_least=True)
    assert "MISSED" in fast.line(Ratio(29.9, 31))
    assert "goal: at least 30, met" in fast.line(Ratio(30, 29))
    short = Goal("as long as that", 1, at_least=False)
    assert "goal: at most 1, met" in short.line(Ratio(1, 2))
    assert "MISSED" in short.line(Ratio(1.01, 0.5))
